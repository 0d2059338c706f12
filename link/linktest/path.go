// SPDX-License-Identifier: Apache-2.0

package linktest

import (
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/link"
)

type datagram struct {
	from, to netip.AddrPort
	data     []byte
}

// A Path is a link in real or in a bubble's virtual time.
type Path struct {
	network *Network
	link    *link.Link[datagram]
	timer   *time.Timer // made when first needed
	due     time.Time   // when the timer fires; zero when it does not
}

func (p *Path) send(d datagram) {
	p.link.Send(time.Now(), link.Datagram[datagram]{Size: len(d.data), Flow: link.FlowOf(d.from, d.to), Payload: d})
	p.arm()
}

// arm sets the timer to the link's deadline unless it fires earlier anyway.
func (p *Path) arm() {
	d := p.link.Deadline()
	if d.IsZero() || p.network.closed || !p.due.IsZero() && !d.Before(p.due) {
		return
	}
	p.due = d
	if p.timer == nil {
		p.timer = time.AfterFunc(time.Until(d), p.fire)
		return
	}
	p.timer.Reset(time.Until(d))
}

func (p *Path) fire() {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	p.due = time.Time{}
	now := time.Now()
	for d, ok := p.link.Take(now); ok; d, ok = p.link.Take(now) {
		p.network.deliver(d.Payload)
	}
	p.arm()
}

// Stats are those of the link: see [link.Stats].
func (p *Path) Stats() link.Stats {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	return p.link.Stats()
}

// QueueDelay is how long a datagram sent now would wait in the buffer.
func (p *Path) QueueDelay() time.Duration {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	return p.link.QueueDelay(time.Now())
}

// SetRate changes the rate from now on, see [link.Link.SetRate].
func (p *Path) SetRate(rate float64) {
	p.change(func(now time.Time) { p.link.SetRate(now, rate) })
}

// SetDelay changes the propagation delay from now on, see [link.Link.SetDelay].
func (p *Path) SetDelay(delay time.Duration) {
	p.change(func(now time.Time) { p.link.SetDelay(now, delay) })
}

// Cut begins a blackout, see [link.Link.Cut].
func (p *Path) Cut(length time.Duration) {
	p.change(func(now time.Time) { p.link.Cut(now, length) })
}

func (p *Path) change(do func(now time.Time)) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	do(time.Now())
	p.arm()
}
