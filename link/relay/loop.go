// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/link"
)

const (
	// grain is how long the loop sleeps between two passes while there is dense
	// traffic, without waiting for anything: datagrams have their arrival time on
	// them, and waking up for each is what would cost most. What is due
	// within half a grain leaves with the rest, so that datagrams leave half a grain
	// early or late at most, and on time on average.
	grain = time.Millisecond
	// dense traffic comes at smaller intervals than this.
	dense = 2 * grain
	// batch is how many datagrams are read from a socket in one pass.
	batch = 64
	// maxInside bounds the memory of a link, in bytes of buffers, of which each
	// datagram has one: more than the buffer and the delay of any sane WAN hold.
	maxInside = 64 << 20
)

// A parcel is a datagram within the relay.
type parcel struct {
	buffer []byte // with room for a header in front of data
	data   []byte // the payload, part of buffer
	host   *host
	// The other side: where it goes when it goes up, where it came from when it
	// comes down.
	peer netip.AddrPort
	ecn  link.ECN
}

// A letter is what a socket tells of a datagram.
type letter struct {
	size int
	from netip.AddrPort
	came time.Time
	ecn  link.ECN
}

// A host is somebody behind the relay.
type host struct {
	inside  netip.AddrPort // where it is
	outside *socket        // where the world sees it
}

// run is the relay's loop, until Close.
func (r *Relay) run() {
	var last time.Time // when something was read
	var ahead time.Duration
	for {
		now := time.Now()
		read, sent, deadline, open := r.pass(now.Add(ahead))
		pause := time.Duration(-1)
		if !deadline.IsZero() {
			pause = max(0, time.Until(deadline))
		}
		ahead = 0
		switch {
		case !open:
			return
		case read >= batch: // there may be more
		case read > 0 && now.Sub(last) < dense:
			ahead = grain / 2
			r.watch.sleep(grain)
		case sent > 0 && pause >= 0:
			r.watch.wait(max(grain/2, pause))
		default:
			r.watch.wait(pause)
		}
		if read > 0 {
			last = now
		}
	}
}

// pass reads what has come, and sends what will have passed the links by due. It
// answers how much of both there was, and when a link's next datagram is due.
func (r *Relay) pass(due time.Time) (read, sent int, deadline time.Time, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, 0, deadline, false
	}
	read = r.read(r.inside, nil)
	for _, h := range r.order {
		read = max(read, r.read(h.outside, h))
	}
	sent = r.deliver(r.up, due, r.sendOutside) + r.deliver(r.down, due, r.sendInside)
	deadline = r.up.Deadline()
	if d := r.down.Deadline(); deadline.IsZero() || !d.IsZero() && d.Before(deadline) {
		deadline = d
	}
	return read, sent, deadline, true
}

// read takes at most a batch of datagrams from a socket: that of a host, or the
// inside one. It answers how many there were.
func (r *Relay) read(s *socket, h *host) int {
	for n := range batch {
		p := r.parcel()
		// Outside datagrams get a header later, for which there must be room.
		b := p.buffer
		if h != nil {
			b = b[HeaderIPv6:]
		}
		l, ok := s.receive(b)
		if !ok {
			r.free = append(r.free, p)
			return n
		}
		p.ecn = l.ecn
		switch {
		case !l.from.Addr().IsLoopback():
			r.stats.Foreign++
			ok = false
		case h != nil:
			p.data, p.host, p.peer = b[:l.size], h, l.from
			ok = r.enter(r.down, l.came, p)
		default:
			ok = r.address(p, l.size, l.from) && r.enter(r.up, l.came, p)
		}
		if !ok {
			r.release(p)
		}
	}
	return batch
}

// address reads the header of a datagram that came inside.
func (r *Relay) address(p *parcel, size int, from netip.AddrPort) bool {
	to, data, err := ParseHeader(p.buffer[:size])
	if err != nil {
		r.stats.Malformed++
		return false
	}
	if !to.Addr().IsLoopback() {
		r.stats.Foreign++
		return false
	}
	h := r.host(from)
	if h == nil {
		r.stats.Crowded++
		return false
	}
	p.data, p.host, p.peer = data, h, to
	return true
}

// host finds or makes the host at an inside address; nil: there are too many, or no
// socket could be had.
func (r *Relay) host(inside netip.AddrPort) *host {
	if h := r.hosts[inside]; h != nil {
		return h
	}
	if len(r.hosts) >= MaxHosts {
		return nil
	}
	outside, err := openSocket(netip.AddrPortFrom(r.inside.addr.Addr(), 0), r.watch)
	if err != nil {
		return nil
	}
	h := &host{inside: inside, outside: outside}
	r.hosts[inside] = h
	r.order = append(r.order, h)
	return h
}

// enter gives a parcel to a link, and answers whether the link keeps it.
func (r *Relay) enter(l *link.Link[*parcel], came time.Time, p *parcel) bool {
	if (l.Stats().Inside.Packets+1)*int64(r.room) > maxInside {
		r.stats.Full++
		return false
	}
	return l.Send(came, link.Datagram[*parcel]{Size: len(p.data), Flow: link.FlowOf(p.host.inside, p.peer), ECN: p.ecn, Payload: p}) == link.Queued
}

// deliver sends what has passed a link.
func (r *Relay) deliver(l *link.Link[*parcel], due time.Time, send func(*parcel) error) (sent int) {
	for d, ok := l.Take(due); ok; d, ok = l.Take(due) {
		p := d.Payload
		p.ecn = d.ECN
		if send(p) != nil {
			r.stats.Unsent++
		}
		r.release(p)
		sent++
	}
	return sent
}

// sendOutside sends what has passed the up link.
func (r *Relay) sendOutside(p *parcel) error { return p.host.outside.send(p.data, p.peer, p.ecn) }

// sendInside sends what has passed the down link, behind a header.
func (r *Relay) sendInside(p *parcel) error {
	begin := 0
	if p.peer.Addr().Is4() {
		begin = HeaderIPv6 - HeaderIPv4
	}
	AppendHeader(p.buffer[begin:begin], p.peer)
	return r.inside.send(p.buffer[begin:HeaderIPv6+len(p.data)], p.host.inside, p.ecn)
}

// parcel is an empty one, with a buffer for any datagram that the links take.
func (r *Relay) parcel() *parcel {
	if end := len(r.free) - 1; end >= 0 {
		p := r.free[end]
		r.free = r.free[:end]
		return p
	}
	return &parcel{buffer: make([]byte, r.room)}
}

// release makes a parcel available again.
func (r *Relay) release(p *parcel) {
	p.data, p.host = nil, nil
	r.free = append(r.free, p)
}
