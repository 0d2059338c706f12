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
	"golang.org/x/net/ipv6"
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
	allowed *rate.Limiter // of all ears together
	ears    []*ear
	running sync.WaitGroup
}

// ear hears the questions of one family of addresses. But for conn it is owned by the goroutine that runs it.
type ear struct {
	*Responder
	family  family
	conn    *net.UDPConn
	packets packets

	links     []link
	joined    map[int]bool // by index of the interface
	looked    time.Time
	everybody time.Time // when all were last answered
}

// packets is what ipv4.PacketConn and ipv6.PacketConn are called differently for.
type packets interface {
	JoinGroup(i *net.Interface, group net.Addr) error
	SetMulticastLoopback(on bool) error
	// hops sets TTL or hop limit to the most there is.
	hops()
	send(b []byte, from link, to *net.UDPAddr) error
}

type packets4 struct{ *ipv4.PacketConn }

func (p packets4) hops() { _, _ = p.SetMulticastTTL(255), p.SetTTL(255) }

func (p packets4) send(b []byte, from link, to *net.UDPAddr) error {
	_, err := p.WriteTo(b, &ipv4.ControlMessage{Src: from.addr.Addr().AsSlice(), IfIndex: from.Index}, to)
	return err
}

type packets6 struct{ *ipv6.PacketConn }

func (p packets6) hops() { _, _ = p.SetMulticastHopLimit(255), p.SetHopLimit(255) }

func (p packets6) send(b []byte, from link, to *net.UDPAddr) error {
	_, err := p.WriteTo(b, &ipv6.ControlMessage{Src: from.addr.Addr().AsSlice(), IfIndex: from.Index}, to)
	return err
}

// Respond begins to answer. It is enough that one family can be heard.
func Respond(c Config) (*Responder, error) {
	var name [8]byte
	rand.Read(name[:])
	r := &Responder{c: c, allowed: rate.NewLimiter(answersEach, answersEach)}
	r.says = announcement{name: hex.EncodeToString(name[:]), port: c.Listen.Port(), tls: c.TLS}
	r.says.tag = discovery.Tag(c.Key, r.says.name)
	var errs []error
	for _, f := range []family{four, six} {
		if err := r.hear(f); err != nil {
			errs = append(errs, err)
		}
	}
	if len(r.ears) == 0 {
		return nil, fmt.Errorf("listen for questions of neighbours: %w", errors.Join(errs...))
	}
	for _, e := range r.ears {
		r.running.Go(e.run)
	}
	return r, nil
}

func (r *Responder) hear(f family) error {
	// The address of the group makes the port one that several programs may listen at.
	conn, err := net.ListenUDP(f.network, &net.UDPAddr{IP: f.group, Port: groupPort})
	if err != nil {
		return err
	}
	e := &ear{Responder: r, family: f, conn: conn, packets: packets4{ipv4.NewPacketConn(conn)}, joined: map[int]bool{}}
	if f.network == six.network {
		e.packets = packets6{ipv6.NewPacketConn(conn)}
	}
	e.packets.hops()                         // "SHOULD be sent with IP TTL set to 255" (RFC 6762, section 11)
	_ = e.packets.SetMulticastLoopback(true) // another host of the fleet may run on this machine
	e.look(time.Now())
	r.ears = append(r.ears, e)
	return nil
}

// Name is what the Responder calls itself.
func (r *Responder) Name() string { return r.says.name }

// Close ends the Responder and waits for it.
func (r *Responder) Close() error {
	var errs []error
	for _, e := range r.ears {
		errs = append(errs, e.conn.Close())
	}
	r.running.Wait()
	return errors.Join(errs...)
}

// look joins the group on interfaces that have come.
func (e *ear) look(now time.Time) {
	e.looked, e.links = now, nil
	there := map[int]bool{}
	for _, l := range links(e.c.Listen.Addr()) {
		if of(l.addr.Addr()).network != e.family.network {
			continue
		}
		e.links = append(e.links, l)
		there[l.Index] = true
		if !e.joined[l.Index] && e.packets.JoinGroup(&l.Interface, &net.UDPAddr{IP: e.family.group}) == nil {
			e.joined[l.Index] = true
		}
	}
	for index := range e.joined {
		if !there[index] { // should it come again, it is joined again
			delete(e.joined, index)
		}
	}
}

func (e *ear) run() {
	buffer := make([]byte, maxMessage)
	for {
		_ = e.conn.SetReadDeadline(e.looked.Add(lookEvery))
		n, from, err := e.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		if now.Sub(e.looked) >= lookEvery {
			e.look(now)
		}
		if err != nil {
			continue
		}
		e.asked(now, buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// asked answers a question, if it is one that may be answered.
func (e *ear) asked(now time.Time, message []byte, from netip.AddrPort) {
	id, ok := asks(message)
	if !ok {
		return
	}
	l, ok := onLink(e.links, from.Addr())
	if !ok || !e.allowed.AllowN(now, 1) {
		return
	}
	alone := from.Port() != groupPort
	to := net.UDPAddrFromAddrPort(from)
	if !alone {
		if now.Sub(e.everybody) < everybodyEach || l.leaves(e.conn) != nil {
			return
		}
		e.everybody, to = now, l.group()
	}
	reply, err := e.says.answer(id, l.addr.Addr(), alone)
	if err != nil || alone && len(reply) > len(message) {
		return
	}
	_ = e.packets.send(reply, l, to) // who gets none asks again
}
