// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
)

// senseEvery is how often the sensors are read.
const senseEvery = 2 * time.Second

// sense reads the sensors until the daemon is closed.
func (d *Daemon) sense() {
	tick := time.NewTicker(senseEvery)
	defer tick.Stop()
	for {
		sample := d.o.Sense()
		d.do(func(c *agent.Core, now time.Time) { c.Sensed(now, sample) })
		select {
		case <-tick.C:
		case <-d.ctx.Done():
			return
		}
	}
}

// overhead is what seal, shim and SCTP add to the message bytes in each datagram, about.
const overhead = 80

// throttle is a cap that several conversations share.
type throttle struct {
	off atomic.Bool // there is no cap now
	mu  sync.Mutex
	cap *gentle.Cap

	renewed time.Duration // the cap changes about that often, so nobody waits for longer; 0: never
	bytes   int64         // reported since passed was last asked
	refused bool          // somebody was
}

// newThrottle is a cap of so many bytes a second; 0: none yet.
func newThrottle(bytes float64) *throttle {
	t := &throttle{cap: gentle.NewCap(bytes)}
	t.off.Store(bytes <= 0)
	return t
}

func (t *throttle) allow(now time.Time) (bytes int, again time.Time) {
	if t.off.Load() {
		return math.MaxInt32, time.Time{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	bytes, again = t.cap.Allow(now)
	t.refused = t.refused || bytes == 0
	if soon := now.Add(t.renewed); t.renewed > 0 && again.After(soon) {
		again = soon
	}
	return bytes, again
}

func (t *throttle) sent(now time.Time, bytes int) {
	if t.off.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cap.Sent(now, bytes)
	t.bytes += int64(bytes)
}

func (t *throttle) set(now time.Time, rate float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cap.SetRate(now, rate)
}

// limit sets the cap, or lifts it: 0.
func (t *throttle) limit(now time.Time, rate float64) {
	if rate > 0 {
		t.set(now, rate)
	}
	t.off.Store(rate <= 0)
}

// passed is how many bytes were reported since it was last asked, and whether somebody had to wait.
func (t *throttle) passed() (bytes int64, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bytes, refused = t.bytes, t.refused
	t.bytes, t.refused = 0, false
	return bytes, refused
}

// caps are the limits of this host.
type caps struct {
	far, near *throttle // what is sent to other locations, and within this one
	lease     *throttle // of what the location sends to others, this host's part; nil: no budget

	// What comes from either; nil: no cap. Owned by loop.
	fromFar, fromNear *gentle.Shares
	rates             gentle.Rates // as they hold; owned by loop
}

func newCaps(r gentle.Rates) caps {
	c := caps{far: newThrottle(r.Upload), near: newThrottle(r.LAN), rates: r}
	if r.Download > 0 {
		c.fromFar = gentle.NewShares(r.Download)
	}
	if r.LAN > 0 {
		c.fromNear = gentle.NewShares(r.LAN)
	}
	return c
}

// allowance is what a conversation may send under the caps that bind it: that of this host, and what the peer asked for.
type allowance struct {
	total, lease, own *throttle // nil: no cap
	charged           uint64    // bytes of datagrams that were reported to the caps
	datagram          int       // bytes of one, as the path takes them now
	again             time.Time // when the caps let the next message through; zero: they do not hold it back
}

// room is how many bytes of a message may be sent now; 0: wait until again. Without a cap it is most.
func (b *allowance) room(now time.Time, most int) int {
	b.again = time.Time{}
	for _, t := range []*throttle{b.total, b.lease, b.own} {
		if t == nil {
			continue
		}
		bytes, again := t.allow(now)
		if bytes == 0 {
			b.again = again
			return 0
		}
		each := max(b.datagram, gentle.BurstLeast) // so many bytes on the wire have the overhead of one datagram
		most = min(most, bytes-(bytes+each-1)/each*overhead)
	}
	return most
}

// sent reports a message.
func (b *allowance) sent(now time.Time, message int) {
	net := max(b.datagram, gentle.BurstLeast) - overhead
	b.charge(now, message+(message+net-1)/net*overhead)
}

// measured compares what was reported with what the carrier sent in all, acknowledgements and retransmissions included, and makes up for
// what was missing.
func (b *allowance) measured(now time.Time, bytes uint64, datagram int) {
	b.datagram = datagram
	if bytes > b.charged {
		b.charge(now, int(bytes-b.charged))
	}
}

func (b *allowance) charge(now time.Time, bytes int) {
	b.charged += uint64(bytes)
	for _, t := range []*throttle{b.total, b.lease, b.own} {
		if t != nil {
			t.sent(now, bytes)
		}
	}
}

// limit asks a peer to send so many bytes a second at most. It is for its conversation.
type limit struct{ rate float64 }

// sharesOf is where the share of a peer is reckoned; nil: it has no cap.
func (d *Daemon) sharesOf(id fleet.Identity) *gentle.Shares {
	if d.local(id) {
		return d.caps.fromNear
	}
	return d.caps.fromFar
}

func (d *Daemon) local(id fleet.Identity) bool {
	return id.Role != fleet.RoleHub && id.Location == d.o.Node.Identity.Location
}

// sharing lets something happen to the shares and tells the peers what follows. It runs in the goroutine that owns the core.
func (d *Daemon) sharing(id fleet.Identity, what func(*gentle.Shares)) {
	s := d.sharesOf(id)
	if s == nil {
		return
	}
	what(s)
	d.tellShares(s)
}

func (d *Daemon) tellShares(s *gentle.Shares) {
	for x, ok := s.Take(); ok; x, ok = s.Take() {
		d.toPeer(x.Peer, limit{x.Rate})
	}
}

// fetch asks a peer for something, after it was told at what rate.
func (d *Daemon) fetch(a agent.Fetch) {
	if p := d.peers[a.Peer]; p != nil {
		d.sharing(p.id, func(s *gentle.Shares) { s.Asked(time.Now(), a.Peer) })
	}
	d.toPeer(a.Peer, a)
}

// obeyLimit takes the rate that the peer asked for.
func (p *conversation) obeyLimit(bytes uint64) {
	switch {
	case bytes == 0:
		p.caps.own = nil
	case p.caps.own == nil:
		p.caps.own = newThrottle(float64(bytes))
	default:
		p.caps.own.cap.SetRate(time.Now(), float64(bytes))
	}
}
