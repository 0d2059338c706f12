// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent/discovery"
)

const (
	listenFor  = 1500 * time.Millisecond // for answers; they come within 120 ms and the time of the way
	askAgain   = 400 * time.Millisecond  // the question is put twice, in case one is lost
	maxAnswers = 1024                    // that are looked at, of one question on one link
)

// ErrNoMulticast: the question could be put on no interface.
var ErrNoMulticast = errors.New("multicast is not possible here")

// Question says who is asked for.
type Question struct {
	Key    []byte     // see discovery.Tag
	Listen netip.Addr // of the data plane
	Not    string     // the name of this host's own Responder, which answers too; empty: there is none
}

// Ask puts the question on every link and reports who answers of the fleet until the time for that is over or ctx ends. heard is called by
// several goroutines. The error wraps ErrNoMulticast.
func Ask(ctx context.Context, q Question, heard func(discovery.Hint)) error {
	all := once(links(q.Listen))
	if len(all) == 0 {
		return fmt.Errorf("%w: no interface with an address for others takes it", ErrNoMulticast)
	}
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	var asking sync.WaitGroup
	errs := make([]error, len(all))
	for i, l := range all {
		asking.Go(func() { errs[i] = l.ask(ctx, q, heard) })
	}
	asking.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrNoMulticast, errors.Join(errs...))
}

// ask puts the question on one link.
func (l link) ask(ctx context.Context, q Question, heard func(discovery.Hint)) error {
	var number [2]byte
	rand.Read(number[:])
	id := binary.BigEndian.Uint16(number[:])
	query, err := question(id)
	if err != nil {
		return err
	}
	c, err := net.ListenUDP(of(l.addr.Addr()).network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.addr.Addr(), 0)))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := l.leaves(c); err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	if _, err := c.WriteToUDP(query, l.group()); err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	defer context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })()
	again := time.AfterFunc(askAgain, func() { _, _ = c.WriteToUDP(query, l.group()) })
	defer again.Stop()
	buffer := make([]byte, maxMessage)
	for range maxAnswers {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			continue // such as a port that answers with "unreachable"
		}
		at := from.Addr().Unmap()
		if !l.addr.Masked().Contains(at) { // "silently ignore any response from off the link" (RFC 6762, section 11)
			continue
		}
		a, err := parse(buffer[:n], id)
		if err != nil || a.name == q.Not {
			continue
		}
		if h, ok := a.hint(q.Key, at); ok {
			heard(h)
		}
	}
	<-ctx.Done() // a flood: nothing more of it is looked at
	return nil
}
