// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Config is what the owner decides. Self is required; Default fills the rest.
type Config struct {
	Self   string
	Life   uint32 // differs from every other life of any host of this name
	Weight int    // 0 to MaxWeight; 0: only while nobody else of the location can
	Seats  int    // fetchers a location and content, at least 1

	Term     time.Duration // how long a lease lasts without being renewed
	Renew    time.Duration // how often it is renewed
	Patience time.Duration // how long a holder may bring nothing
	Settle   time.Duration // how long after the first neighbour came the first range is claimed ...
	Arrive   time.Duration // ... or after the start, if neighbours are expected and none comes
	Step     time.Duration // how long each host before us in the line is waited for
}

// Default is the configuration of a wired host of that name: two seats, 15 s renewed at 5 s, 60 s of patience.
func Default(self string) Config {
	return Config{Self: self, Weight: Wired, Seats: 2, Term: 15 * time.Second, Renew: 5 * time.Second, Patience: time.Minute,
		Settle: 500 * time.Millisecond, Arrive: 3 * time.Second, Step: 2 * time.Second}
}

const (
	spread     = 50 * time.Millisecond // first in line within a neighbourhood are spread over this much
	liarFactor = 10                    // bytes that a holder only tells of are believed for so many times the patience
	lostGrace  = 2 * time.Second       // a holder whose connection ended may be heard through others for so long
	distrust   = time.Minute           // how long a holder that brought nothing is not believed at first ...
	mostDoubt  = time.Hour             // ... and at most
	maxSuspect = 256                   // hosts remembered as such
	maxJump    = 1 << 16               // by which a token may exceed what is known of a range
)

// Table is what one host knows of the leases of one content. It is a machine: tell it what happened, then Take until
// it says false and look at Version; call Advance at Deadline.
type Table struct {
	c    Config
	salt uint64 // of the content
	keys map[string]uint64

	size    int      // chunks of a range
	open    []uint64 // by range: chunks that are not known to be in the location
	entries map[uint32]*entry
	active  map[uint32]*entry     // of these, those that time changes: Held, or Done with chunks still to come
	holders map[holderKey]*holder // other hosts that hold leases, or did a moment ago
	suspect map[string]*suspect
	peers   map[string]*neighbour

	start    time.Time
	joined   time.Time // when the first neighbour came; zero: none has
	expected bool      // neighbours may come
	willing  bool      // something beyond the location is in reach, and the flow is not stopped
	freeFrom time.Time // when a seat or a range last became free
	checked  time.Time // the last Advance
	bytes    uint64    // fetched from beyond the location

	mine    map[uint32]*entry
	version int
	out     []Action
}

type holderKey struct {
	name string
	life uint32
}

// holder is another host with live leases.
type holder struct {
	holderKey
	weight int
	leases int       // ranges it holds
	idle   time.Time // since when it has held none
	bytes  uint64
	told   time.Time // when it last told that it has fetched something
	seen   time.Time // when a chunk of its ranges was last seen in the location
}

// entry is what is known of one range.
type entry struct {
	Claim
	token uint64    // the highest ever heard; at least Claim.Token
	until time.Time // Held: when it ends
	since time.Time // Done: when a chunk of it was last seen coming
	by    *holder   // Held by another: who
	renew time.Time // ours: when it is renewed
	began bool      // ours: something was fetched under it
}

// live reports whether somebody fetches the range.
func (e *entry) live() bool { return e.State == Held }

type suspect struct {
	times int
	until time.Time
}

type neighbour struct{ weight int }

// Action is a Say or a Stand.
type Action interface{ action() }

// Say tells a neighbour of a claim.
type Say struct {
	To    string
	Claim Claim
}

// Stand tells a neighbour with which weight this host stands in the line.
type Stand struct {
	To     string
	Weight int
}

func (Say) action()   {}
func (Stand) action() {}

// New is a table of a content of that many chunks, none of them in the location.
func New(now time.Time, c Config, id content.ID, chunks int) *Table {
	c.Weight = min(max(c.Weight, 0), MaxWeight)
	c.Seats = max(c.Seats, 1)
	t := &Table{c: c, salt: binary.LittleEndian.Uint64(id[:]), keys: map[string]uint64{}, size: RangeChunks(chunks),
		entries: map[uint32]*entry{}, active: map[uint32]*entry{}, holders: map[holderKey]*holder{}, suspect: map[string]*suspect{},
		peers: map[string]*neighbour{}, mine: map[uint32]*entry{}, start: now, freeFrom: now, expected: true}
	t.open = make([]uint64, (chunks+t.size-1)/t.size)
	for i := range chunks {
		t.open[i/t.size] |= 1 << (i % t.size)
	}
	return t
}

// Ranges is how many ranges the content has, and Chunks which chunks one of them has: first to end, end excluded.
func (t *Table) Ranges() int { return len(t.open) }

// Chunks are those of a range: first to end, end excluded; end may lie beyond the content.
func (t *Table) Chunks(r uint32) (first, end int) { return int(r) * t.size, int(r+1) * t.size }

// Range is the range of a chunk.
func (t *Table) Range(chunk int) uint32 { return uint32(chunk / t.size) }

// Version changes whenever Mine does.
func (t *Table) Version() int { return t.version }

// Mine reports whether this host holds the lease of a range.
func (t *Table) Mine(r uint32) bool { return t.mine[r] != nil }

// Finished reports whether every chunk of a range is said to be in the location.
func (t *Table) Finished(r uint32) bool { return t.entries[r] != nil && t.entries[r].State == Done }

// Fetchers names the other hosts that hold leases, in no order, and says how many ranges each holds.
func (t *Table) Fetchers(visit func(name string, ranges int)) {
	for _, h := range t.holders {
		if h.leases > 0 {
			visit(h.name, h.leases)
		}
	}
}

// Take returns the next thing to say.
func (t *Table) Take() (Action, bool) {
	if len(t.out) == 0 {
		return nil, false
	}
	a := t.out[0]
	t.out[0] = nil
	t.out = t.out[1:]
	return a, true
}

// Appeared says that a chunk is in the location: here, or with a neighbour. It reports whether that is news.
func (t *Table) Appeared(now time.Time, chunk int) bool {
	r, bit := t.Range(chunk), uint64(1)<<(chunk%t.size)
	if t.open[r]&bit == 0 {
		return false
	}
	t.open[r] &^= bit
	e := t.entries[r]
	if e == nil {
		return true
	}
	e.since = now
	if e.by != nil {
		e.by.seen, e.by.told = now, now
	}
	if t.open[r] == 0 && t.mine[r] != nil {
		t.end(now, r, Done)
	}
	return true
}

// Vanished says that a chunk that was in the location is not any more.
func (t *Table) Vanished(now time.Time, chunk int) {
	r, bit := t.Range(chunk), uint64(1)<<(chunk%t.size)
	if t.open[r]&bit != 0 {
		return
	}
	t.open[r] |= bit
	if e := t.entries[r]; e != nil && e.State == Done {
		e.since = now
		t.active[r] = e
	}
}

// Fetched says that bytes have come from beyond the location for a chunk.
func (t *Table) Fetched(chunk int, bytes int64) {
	t.bytes += uint64(bytes)
	if e := t.mine[t.Range(chunk)]; e != nil {
		e.began = true
	}
}

// Expected says whether the location has other hosts at all. While it has, and none has come, the first claim waits a
// little for them.
func (t *Table) Expected(others bool) { t.expected = others }

// Wait sets how long a holder may bring nothing from now on: Config.Patience.
func (t *Table) Wait(patience time.Duration) { t.c.Patience = patience }

// Willing says whether this host could fetch from beyond the location now. One that cannot any more gives its leases
// back.
func (t *Table) Willing(now time.Time, willing bool) {
	if willing == t.willing {
		return
	}
	t.willing = willing
	for _, name := range t.names() {
		t.out = append(t.out, Stand{To: name, Weight: t.weight()})
	}
	if !willing {
		t.GiveBack(now)
		return
	}
	t.freeFrom = now
	for _, h := range t.holders { // nothing could be expected of us before, and little of them
		h.told, h.seen = now, now
	}
	t.Advance(now)
}

// Weigh says with which weight, 0 to MaxWeight, this host stands in the line from now on. With 0 it gives its leases back if somebody
// else can go on.
func (t *Table) Weigh(now time.Time, weight int) {
	weight = min(max(weight, 0), MaxWeight)
	if weight == t.c.Weight {
		return
	}
	t.c.Weight = weight
	if !t.willing {
		return
	}
	for _, name := range t.names() {
		t.out = append(t.out, Stand{To: name, Weight: weight})
	}
	if weight == 0 && t.relieved(now) {
		t.GiveBack(now)
	}
}

func (t *Table) weight() int {
	if !t.willing {
		return 0
	}
	return t.c.Weight
}

// own is this host's place in the line. One of weight 0 stands where nobody else does, so it claims as the lightest.
func (t *Table) own() uint64 { return t.score(t.c.Self, max(t.c.Weight, 1)) }

// relieved reports whether somebody else stands in the line.
func (t *Table) relieved(now time.Time) bool {
	for name, p := range t.peers {
		if p.weight > 0 && !t.doubts(now, name) {
			return true
		}
	}
	return false
}

// String tells the state in one line.
func (t *Table) String() string {
	missing := 0
	for _, x := range t.open {
		missing += bits.OnesCount64(x)
	}
	return fmt.Sprintf("%d ranges, %d chunks not in the location, %d leases of ours, %d other fetchers, %d neighbours", len(t.open),
		missing, len(t.mine), t.fetchers(), len(t.peers))
}
