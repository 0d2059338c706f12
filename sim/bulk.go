// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/transfer/shim"
)

// FlowConfig is a flow of ours: bulk data over the shim, the pacer and the controller that ship.
type FlowConfig struct {
	Controller ledbat.Controller
	Group      *group.Group  // instead of a Controller: the flow is a member of it, and joins when it is added
	MSS        int           // size of every datagram of data, as UDP payload
	Headers    int           // bytes on the wire beside that; 0: 28, as IPv4 and UDP have
	Start      time.Duration // when it begins to have data
	Stop       time.Duration // when it ends; 0: never
	Source     Source
	Clock      Clock   // the receiver's
	Pauses     []Pause // of the sending host
	// ReportEvery is after how many datagrams the receiver reports at the latest; 0: as the shim does.
	ReportEvery int
	// NotECT sends datagrams that must not be marked; otherwise they are ECT(0).
	NotECT bool
}

// A Pause is a time in which a host does nothing, as when it is suspended. What arrives meanwhile waits.
type Pause struct {
	At, For time.Duration
}

// A Source says when the application has data. The zero Source always has some.
type Source struct {
	On, Off time.Duration // data for On, none for Off, and so on; Off 0: always on
	Rate    float64       // bytes a second that it makes while on; 0: as much as is asked for
}

const (
	udpHeader = 28 // bytes that IPv4 and UDP add
	sealing   = 27 // bytes that sealing adds to a frame
)

// A Bulk is a flow of ours.
type Bulk struct {
	*Flow
	ctl    ledbat.Controller
	sender *source
}

// Flow adds a flow of ours to a path.
func (w *World) Flow(p *Path, c FlowConfig) *Bulk {
	if c.Headers == 0 {
		c.Headers = udpHeader
	}
	var share *group.Share
	if c.Group != nil {
		share = c.Group.Join()
		c.Controller = share
	}
	wire := int32(sealing + c.Headers)
	s := &source{cfg: c, share: share, host: host{world: w, wire: wire}, seed: uint64(len(w.flows))}
	s.peer = &sink{size: int64(c.MSS), every: c.ReportEvery, host: host{world: w, wire: wire, clock: c.Clock}}
	b := &Bulk{Flow: w.Add(p, s, s.peer), ctl: c.Controller, sender: s}
	if share != nil {
		w.enrol(c.Group, share, w.ends[len(w.ends)-2])
	}
	return b
}

// String is the controller's state.
func (b *Bulk) String() string { return b.ctl.String() }

// Lost is how many datagrams the sender gave up.
func (b *Bulk) Lost() int { return int(b.sender.stats().Lost) }

// Timeouts is how often nothing was heard for a CTO.
func (b *Bulk) Timeouts() int { return int(b.sender.stats().Timeouts) }

// A host is what both ends of our flows have.
type host struct {
	world *World
	shim  *shim.Shim // nil before the flow begins
	clock Clock
	wire  int32 // bytes that a frame has on the wire beside itself
}

func (h *host) time(now time.Duration) time.Time {
	if h.clock.exact() {
		return h.world.clock
	}
	return h.world.Clock(h.clock.shows(now))
}

// deliver gives the shim a datagram, and its memory back to the world.
func (h *host) deliver(now time.Duration, p *Packet) shim.Kind {
	kind, _, err := h.shim.Deliver(h.time(now), shim.Arrival{
		Sequence: p.Number, Frame: *p.Frame, Size: int(p.Size), CE: p.ECN == link.CE,
	})
	if err != nil {
		panic(err) // the peer is our own code
	}
	h.world.frames = append(h.world.frames, p.Frame)
	return kind
}

// stamp makes a packet of a frame.
func (h *host) stamp(now time.Duration, f shim.Frame, p *Packet) {
	p.Frame = h.world.frame()
	*p.Frame, p.Number = h.shim.Stamp(h.time(now), *p.Frame, f)
	if by := h.clock.stepped(now); by != 0 {
		restamp(*p.Frame, by)
	}
	p.Size = int32(len(*p.Frame)) + h.wire
	p.Sent = now
}

// take makes a packet of what the shim itself wants sent.
func (h *host) take(now time.Duration, p *Packet) (shim.Kind, bool) {
	f, ok := h.shim.Take(h.time(now))
	if ok {
		h.stamp(now, f, p)
	}
	return f.Kind, ok
}

// begin makes one end of a conversation.
func (h *host) begin(now time.Duration, c shim.Config) {
	c.Remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 1)
	h.shim = shim.New(h.time(now), c)
}

func (h *host) stats() shim.Stats {
	if h.shim == nil {
		return shim.Stats{}
	}
	return h.shim.Stats()
}

// when is a time of the host's clock in the world's.
func (h *host) when(t time.Time) time.Duration {
	at := time.Duration(t.UnixNano())
	if h.clock.exact() {
		return max(at, h.world.now)
	}
	return h.clock.when(at, h.world.now)
}

func (h *host) advance(now time.Duration) {
	if t := h.time(now); !h.shim.Deadline().After(t) {
		h.shim.Advance(t)
	}
}

// restamp moves the stamps of a frame: its own, and the one that the arrivals which it reports are counted from.
func restamp(frame []byte, by time.Duration) {
	shift := func(at int) {
		b := frame[at:]
		binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+uint32(by/time.Microsecond))
	}
	const own, reports = 1, shim.HeaderSize
	shift(own)
	if _, n := binary.Uvarint(frame[reports:]); n > 0 && len(frame) >= reports+n+4 {
		shift(reports + n)
	}
}
