// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
)

// start returns a scheduler with one flow of n chunks of 1 MiB.
func start(t *testing.T, c Config, n int) (*Scheduler, content.ID) {
	t.Helper()
	s, id := New(dawn, c), idOf("film")
	if err := s.AddFlow(dawn, FlowSpec{Content: id, Chunks: chunksOf("film", n, 1<<20, nil)}); err != nil {
		t.Fatal(err)
	}
	return s, id
}

// takeAll takes until there is nothing more and returns the fetches.
func takeAll(t *testing.T, s *Scheduler, now time.Time) (fetches []Fetch) {
	t.Helper()
	for {
		a, ok := s.Take(now)
		if !ok {
			check(t, s, now)
			return fetches
		}
		if f, ok := a.(Fetch); ok {
			fetches = append(fetches, f)
		}
	}
}

func TestEveryReasonExplainsItself(t *testing.T) {
	codes := make(map[string]bool)
	for _, r := range Reasons() {
		if r.String() == "" || r.Explain() == "" || r.Remedy() == "" || codes[r.String()] {
			t.Errorf("reason %d: %q, %q, %q", r, r.String(), r.Explain(), r.Remedy())
		}
		codes[r.String()] = true
	}
	if Reason(200).String() != "none" {
		t.Errorf("an unknown reason calls itself %q", Reason(200))
	}
}

func TestAddFlowRefuses(t *testing.T) {
	s, id := start(t, Default("us"), 1)
	if err := s.AddFlow(dawn, FlowSpec{Content: id}); !errors.Is(err, ErrFlowExists) {
		t.Errorf("twice: %v", err)
	}
	for _, size := range []uint32{0, content.MaxChunk + 1} {
		err := s.AddFlow(dawn, FlowSpec{Content: idOf("other"), Chunks: []content.Chunk{{Size: size}}})
		if !errors.Is(err, ErrChunkSize) {
			t.Errorf("a chunk of %d bytes: %v", size, err)
		}
	}
}

// A content without chunks, and one whose chunks are all here, are complete at once.
func TestNothingToFetch(t *testing.T) {
	s := New(dawn, Default("us"))
	all := func(int) bool { return true }
	for _, spec := range []FlowSpec{{Content: idOf("empty")}, {Content: idOf("here"), Chunks: chunksOf("here", 3, 1, nil), Held: all}} {
		if err := s.AddFlow(dawn, spec); err != nil {
			t.Fatal(err)
		}
		if a, ok := s.Take(dawn); !ok || a != (Done{Content: spec.Content}) {
			t.Errorf("%s: %v", nameOf(spec.Content), a)
		}
	}
	if !s.Deadline().IsZero() {
		t.Error("something is to be done, though everything is")
	}
}

// The zeros of a disk image: a chunk that occurs often is fetched once and counts as often as it
// occurs.
func TestRepeatedChunk(t *testing.T) {
	chunks := chunksOf("image", 10, 1<<20, nil)
	for i := 2; i < 9; i++ {
		chunks[i] = chunks[1]
	}
	s, id := New(dawn, Default("us")), idOf("image")
	if err := s.AddFlow(dawn, FlowSpec{Content: id, Chunks: chunks}); err != nil {
		t.Fatal(err)
	}
	s.PeerJoined(dawn, "ann", Subnet)
	s.PeerHas(dawn, "ann", id, Holding{Spans: []Span{{First: 5, Count: 1}}})
	fetches := takeAll(t, s, dawn)
	if len(fetches) != 1 || fetches[0].Index != 1 {
		t.Fatalf("%+v", fetches)
	}
	s.Received(dawn, fetches[0].Request, true)
	s.Stored(dawn, id, fetches[0].Index)
	if f := s.Flows(dawn)[0]; f.HeldChunks != 8 || f.HeldBytes != 8<<20 || f.Received != 1<<20 {
		t.Errorf("%+v", f)
	}
}

// What is under way is bounded, whoever could be asked for more, and Why says so.
func TestMemoryBound(t *testing.T) {
	c := Default("us")
	c.MaxInFlight = 5<<20 + 1
	s, id := start(t, c, 40)
	for i := range 10 {
		p := PeerID(fmt.Sprintf("p%d", i))
		s.PeerJoined(dawn, p, Subnet)
		s.PeerHas(dawn, p, id, Holding{All: true})
	}
	fetches := takeAll(t, s, dawn)
	if len(fetches) != 5 {
		t.Fatalf("%d requests of 1 MiB in %d bytes", len(fetches), c.MaxInFlight)
	}
	waits := s.Why(dawn, id)
	if last := waits[len(waits)-1]; last.Reason != MemoryLimit || last.Chunks != 35 {
		t.Errorf("%+v", waits)
	}
	// Received is not stored: it still takes its memory.
	if !s.Received(dawn, fetches[0].Request, true) || len(takeAll(t, s, dawn)) != 0 {
		t.Error("what is being stored is not counted")
	}
	s.Stored(dawn, id, fetches[0].Index)
	if n := len(takeAll(t, s, dawn)); n != 1 {
		t.Errorf("%d requests after one chunk was stored", n)
	}
}

// Silent hosts, who alone hold what they were asked for, must not keep the memory that a fast one
// could use.
func TestSilentPeersDoNotHoldTheMemory(t *testing.T) {
	c := Default("us")
	c.MaxInFlight = 8 << 20
	s, id := start(t, c, 40)
	now := dawn
	for i := range 8 {
		p := PeerID(fmt.Sprintf("silent%d", i))
		s.PeerJoined(now, p, Subnet)
		s.PeerHas(now, p, id, Holding{Spans: []Span{{First: uint32(i), Count: 1}}})
	}
	if n := len(takeAll(t, s, now)); n != 8 {
		t.Fatalf("%d requests at silent hosts", n)
	}
	s.PeerJoined(now, "fast", Subnet)
	s.PeerMeasured(now, "fast", 10<<20, 0)
	s.PeerHas(now, "fast", id, Holding{Spans: []Span{{First: 8, Count: 32}}})
	got := 0
	for now.Sub(dawn) < time.Minute && got < 32 {
		now = now.Add(time.Second)
		for _, f := range takeAll(t, s, now) {
			if f.Peer == "fast" {
				got++
				s.Received(now, f.Request, true)
				s.Stored(now, id, f.Index)
			}
		}
	}
	if got != 32 {
		t.Errorf("the fast host gave %d of 32 chunks in a minute: %s", got, s)
	}
}

// A peer that delivers one chunk and stalls, again and again, has to deliver more and more to be
// counted on again.
func TestLapsesAddUp(t *testing.T) {
	s, id := start(t, Default("us"), 4000)
	now := dawn
	s.PeerJoined(now, "ann", Subnet)
	s.PeerHas(now, "ann", id, Holding{All: true})
	p := s.peers["ann"]
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 64} {
		open := takeAll(t, s, now)
		s.doubt(now, p)
		delivered := 0
		for p.doubted && delivered < 1000 {
			for _, f := range open {
				s.Received(now, f.Request, true)
				s.Stored(now, id, f.Index)
				delivered++
				if !p.doubted {
					break
				}
			}
			open = takeAll(t, s, now)
		}
		if delivered != want {
			t.Errorf("trusted after %d chunks, not %d", delivered, want)
		}
		for len(p.open) > 0 {
			s.cancel(now, p.open[0])
		}
	}
}

// A peer that came to hold everything, chunk by chunk, is known as one that holds everything.
func TestPeerFillsUp(t *testing.T) {
	s, id := start(t, Default("us"), 100)
	s.PeerJoined(dawn, "ann", Subnet)
	for i := range uint32(100) {
		s.PeerHas(dawn, "ann", id, Holding{Delta: true, Spans: []Span{{First: i, Count: 1}}})
	}
	if src := s.flows[0].sources[0]; !src.all || src.bits.words != nil {
		t.Errorf("holds %d, all: %t", src.holds(), src.all)
	}
	takeAll(t, s, dawn)
}

// What a peer says may lie outside the content, overlap, and go on for ever.
func TestHostileHolding(t *testing.T) {
	s, id := start(t, Default("us"), 10)
	s.PeerJoined(dawn, "max", Subnet)
	spans := make([]Span, 100_000)
	for i := range spans {
		spans[i] = Span{First: 8, Count: 1<<32 - 1}
	}
	s.PeerHas(dawn, "max", id, Holding{Spans: append(spans, Span{First: 1 << 31, Count: 1 << 31})})
	if src := s.flows[0].sources[0]; src.holds() != 2 {
		t.Errorf("holds %d of 10 chunks", src.holds())
	}
	takeAll(t, s, dawn)
}

// A damaged chunk is fetched again, in every content that has it.
func TestDroppedChunkComesBack(t *testing.T) {
	s, id := New(dawn, Default("us")), idOf("film")
	all := func(int) bool { return true }
	if err := s.AddFlow(dawn, FlowSpec{Content: id, Chunks: chunksOf("film", 3, 1<<20, nil), Held: all}); err != nil {
		t.Fatal(err)
	}
	takeAll(t, s, dawn)
	s.PeerJoined(dawn, "ann", Subnet)
	s.PeerHas(dawn, "ann", id, Holding{All: true})
	s.Dropped(dawn, id, 1)
	fetches := takeAll(t, s, dawn)
	if len(fetches) != 1 || fetches[0].Index != 1 {
		t.Fatalf("%+v", fetches)
	}
	s.Received(dawn, fetches[0].Request, true)
	s.Stored(dawn, id, 1)
	if a, ok := s.Take(dawn); !ok || a != (Done{Content: id}) {
		t.Errorf("%v", a)
	}
}

// Events about what is not known are ignored.
func TestUnknownIsIgnored(t *testing.T) {
	s, id := start(t, Default("us"), 2)
	other := idOf("other")
	s.PeerLost(dawn, "nobody")
	s.PeerHas(dawn, "nobody", id, Holding{All: true})
	s.PeerMeasured(dawn, "nobody", 1, 1)
	s.PeerJoined(dawn, "ann", 99)
	s.PeerHas(dawn, "ann", other, Holding{All: true})
	s.Progress(dawn, 77, 1)
	s.Refused(dawn, 77, RefusedBusy)
	if s.Received(dawn, 77, true) {
		t.Error("asked to store what was not asked for")
	}
	for _, index := range []int{-1, 2} {
		s.Stored(dawn, id, index)
		s.StoreFailed(dawn, id, index, DiskFull)
		s.Dropped(dawn, id, index)
	}
	s.StoreReady(dawn)
	s.Pause(dawn, other, PausedByUser)
	s.Resume(dawn, other)
	s.SetPriority(dawn, other, 1)
	s.RemoveFlow(dawn, other)
	if s.Why(dawn, other) != nil {
		t.Error("knows why")
	}
	takeAll(t, s, dawn)
	if got := s.String(); got != "1 flows (0 done), 1 peers (0 doubted), 0 requests, 0 of 32768 KiB in flight" {
		t.Error(got)
	}
}

// Of two requests for a chunk, the slower is canceled when the other has arrived, not only when it
// is stored.
func TestCopyIsCanceledOnArrival(t *testing.T) {
	s, id := start(t, Default("us"), 1)
	for _, p := range []PeerID{"sid", "ann"} {
		s.PeerJoined(dawn, p, Subnet)
		s.PeerHas(dawn, p, id, Holding{All: true})
	}
	first := takeAll(t, s, dawn)
	s.PeerMeasured(dawn, first[0].Peer, 1000, 0)
	now := dawn.Add(lookEvery)
	second := takeAll(t, s, now)
	if len(second) != 1 || !second[0].Copy || second[0].Peer == first[0].Peer {
		t.Fatalf("%+v", second)
	}
	if !s.Received(now, second[0].Request, true) {
		t.Fatal("the first to arrive is not stored")
	}
	want := Cancel{Request: first[0].Request, Peer: first[0].Peer}
	if a, ok := s.Take(now); !ok || a != want {
		t.Errorf("%v", a)
	}
	if s.Received(now, first[0].Request, true) {
		t.Error("the second to arrive is stored")
	}
}

// A chunk is stored, whichever of the contents that share it is named.
func TestStoredUnderAnotherName(t *testing.T) {
	s, id := start(t, Default("us"), 2)
	again := idOf("again")
	if err := s.AddFlow(dawn, FlowSpec{Content: again, Chunks: chunksOf("film", 2, 1<<20, nil)}); err != nil {
		t.Fatal(err)
	}
	s.PeerJoined(dawn, "ann", Subnet)
	s.PeerHas(dawn, "ann", id, Holding{All: true})
	for _, f := range takeAll(t, s, dawn) {
		s.Received(dawn, f.Request, true)
		s.Stored(dawn, again, f.Index)
	}
	takeAll(t, s, dawn)
	if s.inFlight != 0 || !s.flows[0].done() || !s.flows[1].done() {
		t.Error(s)
	}
}

// "Too many" lowers the number of requests a peer is asked at a time; deliveries raise it again.
func TestTooMany(t *testing.T) {
	s, id := start(t, Default("us"), 100)
	s.PeerJoined(dawn, "ann", Subnet)
	s.PeerMeasured(dawn, "ann", 100<<20, 0)
	s.PeerHas(dawn, "ann", id, Holding{All: true})
	fetches := takeAll(t, s, dawn)
	if len(fetches) != 16 {
		t.Fatalf("%d requests at a fast peer", len(fetches))
	}
	for _, f := range fetches[4:] {
		s.Refused(dawn, f.Request, RefusedTooMany)
	}
	now := dawn.Add(2 * time.Second)
	if more := takeAll(t, s, now); len(more) != 0 {
		t.Errorf("%d more requests at a peer that takes 4", len(more))
	}
	s.Received(now, fetches[0].Request, true)
	s.Stored(now, id, fetches[0].Index)
	if more := takeAll(t, s, now); len(more) != 2 {
		t.Errorf("%d more requests after one was answered", len(more))
	}
}

// A nearer peer is preferred to a farther one that would be sooner, up to NearerWait.
func TestNearerMayBeSlower(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		moved bool
	}{{128 << 10, false}, {64 << 10, true}} { // 8 s, 16 s a chunk
		s, id := start(t, Default("us"), 1)
		s.PeerJoined(dawn, "desk", Subnet)
		s.PeerMeasured(dawn, "desk", c.rate, 0)
		s.PeerHas(dawn, "desk", id, Holding{All: true})
		takeAll(t, s, dawn)
		s.PeerJoined(dawn, "hub", Far)
		s.PeerMeasured(dawn, "hub", 10<<20, 0)
		s.PeerHas(dawn, "hub", id, Holding{All: true})
		now := dawn
		for range 3 { // it delivers as measured
			now = now.Add(time.Second)
			s.Progress(now, 1, int64(c.rate*now.Sub(dawn).Seconds()))
			takeAll(t, s, now)
		}
		if moved := len(s.peers["hub"].open) > 0; moved != c.moved {
			t.Errorf("at %.0f bytes/s: moved to the hub: %t", c.rate, moved)
		}
	}
}
