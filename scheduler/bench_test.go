// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
)

// crowd is a flow of n chunks and peers of which some hold all and the others a random part.
func crowd(b *testing.B, n, peers int) (*Scheduler, time.Time) {
	now := dawn
	random := rand.New(rand.NewPCG(1, 2))
	s := New(now, Default("us"))
	chunks := make([]content.Chunk, n)
	for i := range chunks {
		binary.LittleEndian.PutUint64(chunks[i].ID[:], random.Uint64())
		chunks[i].Size = 1 << 20
	}
	if err := s.AddFlow(now, FlowSpec{Content: content.ID{1}, Chunks: chunks}); err != nil {
		b.Fatal(err)
	}
	for i := range peers {
		id := PeerID(fmt.Sprintf("peer-%d", i))
		s.PeerJoined(now, id, Class(i%classes))
		h := Holding{All: i%10 == 9}
		for at := 0; at < n && !h.All; {
			run := 1 + random.IntN(200)
			h.Spans = append(h.Spans, Span{First: uint32(at), Count: uint32(run)})
			at += run + random.IntN(400)
		}
		s.PeerHas(now, id, content.ID{1}, h)
		s.PeerMeasured(now, id, 10<<20, 20*time.Millisecond)
	}
	return s, now
}

// One operation is a chunk's whole life: Take, Progress, Received, Stored. The clock moves as if
// all peers together gave 100 chunks a second.
func benchmarkChunk(b *testing.B, n, peers int) {
	s, now := crowd(b, n, peers)
	var open []Fetch
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for {
			a, ok := s.Take(now)
			if !ok {
				break
			}
			if f, ok := a.(Fetch); ok {
				open = append(open, f)
			}
		}
		if len(open) == 0 {
			b.StopTimer()
			s, now = crowd(b, n, peers)
			b.StartTimer()
			continue
		}
		f := open[0]
		open = open[1:]
		now = now.Add(10 * time.Millisecond)
		s.Progress(now, f.Request, int64(f.Chunk.Size)/2)
		if s.Received(now, f.Request, true) {
			s.Stored(now, f.Content, f.Index)
		}
	}
}

func BenchmarkChunk4k50Peers(b *testing.B)  { benchmarkChunk(b, 4000, 50) }
func BenchmarkChunk1M300Peers(b *testing.B) { benchmarkChunk(b, 1_000_000, 300) }

// A peer tells of one chunk more.
func BenchmarkPeerHas(b *testing.B) {
	s, now := crowd(b, 1_000_000, 50)
	s.PeerJoined(now, "new", Subnet)
	b.ResetTimer()
	for i := range b.N {
		s.PeerHas(now, "new", content.ID{1}, Holding{Delta: true, Spans: []Span{{First: uint32(i % 999_000), Count: 1}}})
		s.Take(now)
	}
}

// Why of a content of 100 GiB that hosts of other locations and the hub hold, as it is asked with every report of a flow.
func BenchmarkWhy(b *testing.B) {
	s, now := crowd(b, 100_000, 0)
	for i := range 30 {
		id := PeerID(fmt.Sprintf("far-%d", i))
		s.PeerJoined(now, id, Far)
		s.PeerAt(id, fmt.Sprintf("location-%d", i/3))
		s.PeerHas(now, id, content.ID{1}, Holding{Spans: []Span{{First: 0, Count: 99_000}}})
		s.PeerMeasured(now, id, 1<<20, 20*time.Millisecond)
	}
	s.PeerJoined(now, "hub", Origin)
	s.PeerHas(now, "hub", content.ID{1}, Holding{All: true})
	for range 8 { // the pipelines are filled, and most sources stay without work
		s.Take(now)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Why(now, content.ID{1})
	}
}

// Memory of a flow of a million chunks, beside the list of chunks itself.
func BenchmarkMemory(b *testing.B) {
	for range b.N {
		var before, after runtime.MemStats
		chunks := make([]content.Chunk, 1_000_000)
		for i := range chunks {
			binary.LittleEndian.PutUint64(chunks[i].ID[:], uint64(i)*0x9e3779b97f4a7c15)
			chunks[i].Size = 1 << 20
		}
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := New(dawn, Default("us"))
		if err := s.AddFlow(dawn, FlowSpec{Content: content.ID{1}, Chunks: chunks}); err != nil {
			b.Fatal(err)
		}
		for i := range 20 {
			id := PeerID(fmt.Sprintf("peer-%d", i))
			s.PeerJoined(dawn, id, Class(i%classes))
			s.PeerHas(dawn, id, content.ID{1}, Holding{Spans: []Span{{First: 0, Count: 500_000}}})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "B/chunk")
		runtime.KeepAlive(s)
	}
}
