// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// host is one side of a pair with an owner that fetches a list of things and serves whatever it is asked for, now and
// then changing its mind.
type host struct {
	s       *Session
	todo    []WantSpec
	open    map[uint32]WantSpec
	got     int
	asked   []Requested // told by the session, not answered yet
	ordered [][]byte    // on the way to this host
	loose   [][]byte    // on the way to this host, in no order
	refuses float64     // how often it refuses what it is asked for
	cancels float64     // how often it cancels what it asked for
}

func (h *host) want(now time.Time) error {
	if !h.s.Ready() {
		return nil
	}
	for len(h.todo) > 0 {
		w := h.todo[0]
		req, err := h.s.Want(now, w)
		if errors.Is(err, ErrInboxFull) || errors.Is(err, ErrTooMany) {
			return nil
		}
		if err != nil {
			return err
		}
		h.todo = h.todo[1:]
		h.open[req] = w
	}
	return nil
}

// take does what an owner does with what the session tells.
func (h *host) take() error {
	for {
		e, ok := h.s.Take()
		if !ok {
			return nil
		}
		switch e := e.(type) {
		case Received:
			w, ok := h.open[e.Request]
			if !ok || w.ID != e.ID || !bytes.Equal(e.Data, bytesOf(e.ID, max(w.Size, manifestSize(w)))) {
				return fmt.Errorf("wrong answer to %+v: %v", w, e)
			}
			delete(h.open, e.Request)
			h.got++
			h.s.Recycle(e.Data)
		case Refused:
			h.todo = append(h.todo, h.open[e.Request])
			delete(h.open, e.Request)
		case Requested:
			h.asked = append(h.asked, e)
		case Canceled, Served, PeerHello, PeerHave, Interested:
		default:
			return fmt.Errorf("unexpected: %v", e)
		}
	}
}

// manifestSize is how large a manifest of these tests is: less than its limit.
func manifestSize(w WantSpec) int { return w.Limit - w.Limit/3 }

// act lets the owner do something of its own accord.
func (h *host) act(now time.Time, rng *rand.Rand) error {
	if len(h.asked) > 0 {
		a := h.asked[0]
		h.asked = h.asked[1:]
		size := int(a.Size)
		if a.Kind == KindManifest {
			size = manifestSize(WantSpec{Limit: size})
		}
		if err := h.s.Serve(now, a.Request, bytesOf(a.ID, size)); err != nil && !errors.Is(err, ErrUnknownRequest) {
			return err
		}
		if rng.Float64() < h.refuses {
			_ = h.s.Refuse(now, a.Request, ReasonPaused) // unknown when the peer canceled it
		}
	}
	if len(h.open) > 0 && rng.Float64() < h.cancels {
		for req := h.s.fetches.last; req > 0; req-- {
			if w, ok := h.open[req]; ok {
				delete(h.open, req)
				h.todo = append(h.todo, w)
				return h.s.Cancel(now, req)
			}
		}
	}
	return nil
}

// cut puts the next message of h on its way to peer.
func (h *host) cut(now time.Time, peer *host, max int) bool {
	msg, unordered, ok := h.s.Next(now, nil, max)
	switch {
	case !ok:
	case unordered:
		peer.loose = append(peer.loose, msg)
	default:
		peer.ordered = append(peer.ordered, msg)
	}
	return ok
}

// arrive delivers the next ordered message or any loose one.
func (h *host) arrive(now time.Time, rng *rand.Rand) error {
	n := len(h.loose)
	if len(h.ordered) > 0 && (n == 0 || rng.IntN(2) == 0) {
		msg := h.ordered[0]
		h.ordered = h.ordered[1:]
		return h.s.Deliver(now, msg)
	}
	if n == 0 {
		return nil
	}
	i := rng.IntN(n)
	msg := h.loose[i]
	h.loose[i] = h.loose[n-1]
	h.loose = h.loose[:n-1]
	return h.s.Deliver(now, msg)
}

// TestPairCompletes: two sessions joined by a path that loses nothing and reorders what may be reordered always
// complete all wants with the right bytes, whatever is canceled and refused in between; every invariant holds after
// every step, the bound of the inbox among them.
func TestPairCompletes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := dawn
		pair := [2]*host{}
		total := 0
		for i := range pair {
			c := Config{
				MaxInbox: rapid.IntRange(40_000, 200_000).Draw(t, "inbox"),
				MaxServe: rapid.IntRange(1, 200_000).Draw(t, "serve"),
				MaxWants: rapid.IntRange(1, 8).Draw(t, "wants"),
			}
			h := &host{s: New(now, c), open: map[uint32]WantSpec{}}
			h.refuses = rapid.Float64Range(0, 0.5).Draw(t, "refuses")
			h.cancels = rapid.Float64Range(0, 0.05).Draw(t, "cancels")
			for k := range rapid.IntRange(0, 12).Draw(t, "things") {
				size := rapid.IntRange(1, 40_000).Draw(t, "size")
				w := WantSpec{Kind: KindChunk, ID: idOf(byte(k)), Size: size, Priority: uint8(rng.IntN(3))}
				if k%4 == 3 {
					w = WantSpec{Kind: KindManifest, ID: idOf(byte(k)), Limit: size}
				}
				h.todo = append(h.todo, w)
				total++
			}
			pair[i] = h
		}
		for steps := 0; pair[0].got+pair[1].got < total; steps++ {
			if steps == 200_000 {
				t.Fatalf("no end: %v, %v", pair[0].s, pair[1].s)
			}
			if steps == 2000 { // minds are made up
				pair[0].cancels, pair[1].cancels, pair[0].refuses, pair[1].refuses = 0, 0, 0, 0
			}
			i := rng.IntN(2)
			h, peer := pair[i], pair[1-i]
			var err error
			switch rng.IntN(5) {
			case 0, 1:
				h.cut(now, peer, MinMessage+rng.IntN(8000))
			case 2, 3:
				err = h.arrive(now, rng)
			default:
				err = h.act(now, rng)
			}
			if err := errors.Join(err, h.take(), h.want(now), broken(h.s)); err != nil {
				t.Fatalf("step %d: %v\n%v", steps, err, h.s)
			}
			now = now.Add(time.Millisecond)
		}
	})
}

// BenchmarkSessionPair is what the conversation alone costs: chunks of 1 MiB in messages of 64 KiB, two copies of each
// byte, both ends in one thread. One operation is one chunk.
func BenchmarkSessionPair(b *testing.B) {
	now := dawn
	from, to := New(now, Config{}), New(now, Config{})
	chunk := bytesOf(idOf(1), 1<<20)
	buf := make([]byte, 0, 64<<10)
	carry := func(x, y *Session) {
		for {
			msg, _, ok := x.Next(now, buf[:0], 64<<10)
			if !ok {
				return
			}
			if err := y.Deliver(now, msg); err != nil {
				b.Fatal(err)
			}
		}
	}
	carry(from, to)
	carry(to, from)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	asked, got := 0, 0
	for got < b.N {
		for asked < b.N && asked < got+8 {
			if _, err := to.Want(now, WantSpec{Kind: KindChunk, ID: idOf(1), Size: len(chunk)}); err != nil {
				b.Fatal(err)
			}
			asked++
		}
		carry(to, from)
		for e, ok := from.Take(); ok; e, ok = from.Take() {
			if r, ok := e.(Requested); ok {
				if err := from.Serve(now, r.Request, chunk); err != nil {
					b.Fatal(err)
				}
			}
		}
		carry(from, to)
		for e, ok := to.Take(); ok; e, ok = to.Take() {
			if r, ok := e.(Received); ok {
				got++
				to.Recycle(r.Data)
			}
		}
	}
}
