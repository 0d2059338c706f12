// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// PageConfig is somebody who reads the web: a page, time to think, the next page. A page is one object over a new connection and then the
// others over that one and more of them, each asked for when the one before has come.
type PageConfig struct {
	Objects     int   // of a page; 0: 30
	Sizes       Sizes // of an object; zero: a mean of 20,000 bytes
	Connections int   // 0: 6
	Think       time.Duration
	Control     string        // as in Config
	Start       time.Duration // of the first page
	Stop        time.Duration // no page from then on; 0: never
	Seed        uint64
}

// Pages are the transfers of somebody who reads.
type Pages struct {
	*Transfers
	reader *reader
}

// NewPages returns the two ends.
func NewPages(c PageConfig) (*Pages, *Receivers) {
	if c.Objects == 0 {
		c.Objects = 30
	}
	if c.Connections == 0 {
		c.Connections = 6
	}
	if c.Sizes.Mean == 0 && len(c.Sizes.List) == 0 {
		c.Sizes.Mean = 20_000
	}
	p := &reader{cfg: c, sizes: stream(c.Seed, forSizes), next: c.Start, loads: make([]Completion, 0, 256)}
	t, r := newTransfers(Config{Control: c.Control, Handshake: true, Seed: c.Seed}, p)
	return &Pages{Transfers: t, reader: p}, r
}

// Loads are the pages that are complete.
func (p *Pages) Loads() []Completion { return p.reader.loads }

// Loading is since when a page has been loading, if one is.
func (p *Pages) Loading() (since time.Duration, ok bool) { return p.reader.began, p.reader.left > 0 }

type reader struct {
	cfg     PageConfig
	sizes   rand.PCG
	next    time.Duration // when the next page begins, if none is loading
	began   time.Duration
	left    int // objects that have not come
	unasked int // objects that have not been asked for
	bytes   int64
	loads   []Completion
}

func (r *reader) due() time.Duration {
	if r.left > 0 || r.cfg.Stop > 0 && r.next >= r.cfg.Stop {
		return sim.Never
	}
	return r.next
}

func (r *reader) act(now time.Duration, t *Transfers) {
	r.began, r.left, r.unasked, r.bytes = r.next, r.cfg.Objects, r.cfg.Objects, 0
	slot := t.slot()
	t.connect(slot)
	r.ask(now, slot, t)
}

func (r *reader) ask(now time.Duration, slot int32, t *Transfers) {
	bytes := r.cfg.Sizes.draw(&r.sizes)
	r.unasked--
	r.bytes += bytes
	t.begin(now, slot, bytes)
}

func (r *reader) ended(now time.Duration, slot int32, t *Transfers) {
	r.left--
	if r.left == 0 {
		r.loads = append(r.loads, Completion{Start: r.began, Bytes: r.bytes, Duration: now - r.began})
		r.next = now + r.cfg.Think
	}
	if r.unasked == 0 {
		t.free = append(t.free, slot)
		return
	}
	first := r.left == r.cfg.Objects-1
	r.ask(now, slot, t)
	if !first {
		return
	}
	for range min(r.cfg.Connections-1, r.unasked) {
		more := t.slot()
		t.connect(more)
		r.ask(now, more, t)
	}
}
