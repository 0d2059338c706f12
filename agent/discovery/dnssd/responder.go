// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/time/rate"

	"github.com/ebbproject/ebb/agent/discovery"
)

const (
	lookEvery     = 10 * time.Second // for interfaces that have come
	answersEach   = 50               // a second, to all who ask
	everybodyEach = time.Second      // "MUST NOT multicast a record [...] until at least one second has elapsed" (RFC 6762, section 6)
)

// Config says what a Responder answers.
type Config struct {
	Key    []byte         // see discovery.Tag
	Listen netip.AddrPort // of the data plane
	TLS    uint16         // TCP port at the same address; 0: none
}

// Responder answers those who ask. Close ends it.
type Responder struct {
	c       Config
	says    announcement
	conn    *net.UDPConn
	packets *ipv4.PacketConn
	running sync.WaitGroup

	// Owned by run.
	links     []link
	joined    map[int]bool // by index of the interface
	looked    time.Time
	allowed   *rate.Limiter
	everybody time.Time // when all were last answered
}

// Respond begins to answer.
func Respond(c Config) (*Responder, error) {
	// The address of the group makes the port one that several programs may listen at.
	conn, err := net.ListenUDP("udp4", &group)
	if err != nil {
		return nil, fmt.Errorf("listen for questions of neighbours: %w", err)
	}
	var name [8]byte
	rand.Read(name[:])
	r := &Responder{c: c, conn: conn, packets: ipv4.NewPacketConn(conn), joined: map[int]bool{}, allowed: rate.NewLimiter(answersEach, answersEach)}
	r.says = announcement{name: hex.EncodeToString(name[:]), port: c.Listen.Port(), tls: c.TLS}
	r.says.tag = discovery.Tag(c.Key, r.says.name)
	_ = r.packets.SetMulticastTTL(255) // "SHOULD be sent with IP TTL set to 255" (RFC 6762, section 11)
	_ = r.packets.SetTTL(255)
	_ = r.packets.SetMulticastLoopback(true) // another host of the fleet may run on this machine
	r.look(time.Now())
	r.running.Go(r.run)
	return r, nil
}

// Name is what the Responder calls itself.
func (r *Responder) Name() string { return r.says.name }

// Close ends the Responder and waits for it.
func (r *Responder) Close() error {
	err := r.conn.Close()
	r.running.Wait()
	return err
}

// look joins the group on interfaces that have come.
func (r *Responder) look(now time.Time) {
	r.looked, r.links = now, links(r.c.Listen.Addr())
	there := map[int]bool{}
	for _, l := range r.links {
		there[l.Index] = true
		if !r.joined[l.Index] && r.packets.JoinGroup(&l.Interface, &net.UDPAddr{IP: group.IP}) == nil {
			r.joined[l.Index] = true
		}
	}
	for index := range r.joined {
		if !there[index] { // should it come again, it is joined again
			delete(r.joined, index)
		}
	}
}

func (r *Responder) run() {
	buffer := make([]byte, maxMessage)
	for {
		_ = r.conn.SetReadDeadline(r.looked.Add(lookEvery))
		n, from, err := r.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		if now.Sub(r.looked) >= lookEvery {
			r.look(now)
		}
		if err != nil {
			continue
		}
		r.asked(now, buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// asked answers a question, if it is one that may be answered.
func (r *Responder) asked(now time.Time, message []byte, from netip.AddrPort) {
	id, ok := asks(message)
	if !ok {
		return
	}
	l, ok := onLink(r.links, from.Addr())
	if !ok || !r.allowed.AllowN(now, 1) {
		return
	}
	alone := from.Port() != uint16(group.Port)
	to := net.UDPAddrFromAddrPort(from)
	if !alone {
		if now.Sub(r.everybody) < everybodyEach || r.packets.SetMulticastInterface(&l.Interface) != nil {
			return
		}
		r.everybody, to = now, &group
	}
	reply, err := r.says.answer(id, l.addr.Addr(), alone)
	if err != nil || alone && len(reply) > len(message) {
		return
	}
	_, _ = r.packets.WriteTo(reply, &ipv4.ControlMessage{Src: l.addr.Addr().AsSlice(), IfIndex: l.Index}, to) // who gets none asks again
}
