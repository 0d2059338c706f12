// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"math"
	"time"
)

// fetch is one open request of ours.
type fetch struct {
	request uint32
	find    bool // asks for a name; the fields about an answer's bytes are not used
	kind    Kind
	id      ID
	content ID  // what it is for
	limit   int // of the answer's size
	size    int // set aside for it in the inbox: the answer's size, of a manifest a guess until the first piece tells
	answer  assembly

	sent       bool      // the message left us; before that nobody can answer it
	progressed time.Time // when it left, or the last piece came
	stalled    bool      // its owner was told and nothing came since
	older      *fetch    // neighbours in recency, nil unless sent and not stalled
	newer      *fetch
}

// sized says whether size is the size of the answer and no guess.
func (x *fetch) sized() bool { return x.kind == KindChunk || x.answer.buf != nil }

// trailing is how much of the answer can still be on the way.
func (x *fetch) trailing() int {
	if x.sized() {
		return x.size - x.answer.have
	}
	return x.limit
}

// recency is the list of fetches that progress, the one that did so longest ago first.
type recency struct{ oldest, newest *fetch }

func (l *recency) push(f *fetch) {
	f.older, f.newer = l.newest, nil
	if l.newest == nil {
		l.oldest = f
	} else {
		l.newest.newer = f
	}
	l.newest = f
}

func (l *recency) remove(f *fetch) {
	if f.older == nil && l.oldest != f {
		return // not in the list
	}
	if f.older == nil {
		l.oldest = f.newer
	} else {
		f.older.newer = f.newer
	}
	if f.newer == nil {
		l.newest = f.older
	} else {
		f.newer.older = f.older
	}
	f.older, f.newer = nil, nil
}

// gone is a request of ours that is over while its answer may still be on the way: canceled, or refused in mid-answer.
type gone struct {
	content ID
	left    int // payload that an honest peer can still have on the way
	find    bool
	refused bool
}

// maxGone bounds how many requests are remembered after they are over; the oldest is forgotten first. There is no time
// limit: after an outage of hours the first thing to arrive may be what was on its way before it, and a clock would
// blame the peer for that. What a hostile peer can do with the memory is bounded by left.
const maxGone = 1024

// fetches is our side of the conversation: what we asked for and what has come of it.
type fetches struct {
	maxInbox   int
	stallAfter time.Duration

	last   uint32            // number of our newest request; they ascend, so that a number is never used twice
	open   map[uint32]*fetch // by request
	inbox  int               // sum of size over open; invariant: at most maxInbox, but for one manifest that turned out large
	moving recency
	gone   map[uint32]gone
	fading queue[uint32] // keys of gone, and some that are already forgotten, the first to forget first; at most maxGone
	spare  spare
}

func newFetches(c Config) fetches {
	return fetches{
		maxInbox:   c.MaxInbox,
		stallAfter: c.StallAfter,
		open:       map[uint32]*fetch{},
		gone:       map[uint32]gone{},
		spare:      spare{limit: c.MaxInbox / 2},
	}
}

// add opens a request if the inbox has room for it.
func (f *fetches) add(x fetch) (*fetch, error) {
	switch {
	case x.size > f.maxInbox:
		return nil, fmt.Errorf("%w: %d bytes wanted, the inbox has %d", ErrTooLarge, x.size, f.maxInbox)
	case f.inbox+x.size > f.maxInbox:
		return nil, ErrInboxFull
	case f.last == math.MaxUint32:
		return nil, fmt.Errorf("%w: all request numbers are used", ErrClosed)
	}
	f.last++
	x.request = f.last
	f.open[x.request] = &x
	f.inbox += x.size
	return &x, nil
}

// cut notes that the message of a request left us.
func (f *fetches) cut(request uint32, now time.Time) {
	x := f.open[request]
	x.sent, x.progressed = true, now
	f.moving.push(x)
}

// ending says how a request of ours came to its end.
type ending uint8

const (
	answered ending = iota // nothing can follow
	canceled               // anything can follow until the peer has heard of it
	refused                // pieces that were cut before the refusal can follow
)

// end closes a request and remembers what may still arrive for it.
func (f *fetches) end(x *fetch, how ending) {
	delete(f.open, x.request)
	f.inbox -= x.size
	f.moving.remove(x)
	if how == answered {
		return
	}
	f.spare.put(x.answer.buf)
	if !x.sent {
		return
	}
	if f.fading.len() == maxGone {
		oldest, _ := f.fading.pop()
		delete(f.gone, oldest)
	}
	f.gone[x.request] = gone{content: x.content, left: x.trailing(), find: x.find, refused: how == refused}
	f.fading.push(x.request)
}

// grants says whether the inbox has room for an answer that turns out to be of this size. One may carry it over its
// bound, for the owner named the limit; while it does, no other may grow.
func (f *fetches) grants(x *fetch, total int) bool { return total <= x.size || f.inbox <= f.maxInbox }

// accept takes a piece for an open request. What is wrong with it is said in words; "" is nothing.
func (f *fetches) accept(now time.Time, x *fetch, d Data) (fault string, duplicate bool) {
	if fault := x.fits(d); fault != "" {
		return fault, false
	}
	if x.answer.buf == nil {
		total := int(d.Total)
		f.inbox += total - x.size
		x.size = total
		x.answer.buf = f.spare.get(total)
	}
	if fault, duplicate = x.answer.add(d.Offset, d.Bytes); fault != "" {
		return fault, duplicate
	}
	x.progressed, x.stalled = now, false
	f.moving.remove(x)
	f.moving.push(x)
	return "", false
}

// fits holds a piece against what was asked.
func (x *fetch) fits(d Data) string {
	total := int(d.Total)
	switch {
	case x.find:
		return "a name was asked, not data"
	case x.sized() && total != x.size:
		return fmt.Sprintf("%d bytes in all, expected are %d", total, x.size)
	case total > x.limit:
		return fmt.Sprintf("%d bytes in all, allowed are %d", total, x.limit)
	}
	return ""
}

// late takes a piece for a request that is not open. It is dropped if the request was, and had so much to come.
func (f *fetches) late(d Data) (content ID, fault string) {
	g, ok := f.gone[d.Request]
	switch {
	case !ok:
		return ID{}, "no such request is open"
	case g.find:
		return ID{}, "a name was asked, not data"
	case len(d.Bytes) > g.left:
		return ID{}, "more bytes than the answer can have"
	}
	g.left -= len(d.Bytes)
	f.gone[d.Request] = g
	if g.left == 0 {
		delete(f.gone, d.Request)
	}
	return g.content, ""
}

// lateAnswer takes a Found or Refuse for a request that is not open. It may have crossed our cancel, once.
func (f *fetches) lateAnswer(request uint32, found bool) (fault string) {
	g, ok := f.gone[request]
	switch {
	case !ok || g.refused:
		return "no such request is open"
	case found && !g.find:
		return "data was asked, not a name"
	}
	g.refused = true
	f.gone[request] = g
	return ""
}

// stalls gives the next request that has made no progress for too long, each once.
func (f *fetches) stalls(now time.Time) (request uint32, ok bool) {
	x := f.moving.oldest
	if x == nil || x.progressed.Add(f.stallAfter).After(now) {
		return 0, false
	}
	x.stalled = true
	f.moving.remove(x)
	return x.request, true
}

// deadline is when the next request will have stalled.
func (f *fetches) deadline() time.Time {
	if f.moving.oldest == nil {
		return time.Time{}
	}
	return f.moving.oldest.progressed.Add(f.stallAfter)
}
