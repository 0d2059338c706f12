// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A flow that sends less than its share waits for the packet that is being sent and for a quantum of
// each bulky flow at most, whatever these do.
func TestPropertyASparseFlowWaitsForAQuantumOfEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bulky := rapid.IntRange(1, 5).Draw(t, "bulky")
		c := Config{Rate: 10e6, BufferBytes: 200_000, AQM: FQCoDel{}, Seed: rapid.Uint64().Draw(t, "seed")}
		l := New[int](epoch, c)
		apart := map[int32]bool{l.buffer.fair.index(0): true}
		var sent []time.Duration
		worst, n := time.Duration(0), 0
		for now := time.Duration(0); now < time.Second; now += ms {
			for flow := range bulky { // each alone sends more than the link carries
				f := uint32(flow + 1)
				if flow == 0 {
					for apart[l.buffer.fair.index(f)] {
						f += 100
					}
				} else if apart[l.buffer.fair.index(f)] {
					continue
				}
				l.Send(at(now), Datagram[int]{Size: 1500, Flow: f, Payload: -1})
			}
			if now%(20*ms) == 0 {
				l.Send(at(now), Datagram[int]{Size: 200, Flow: 0, Payload: len(sent)})
				sent = append(sent, now)
			}
			for d := l.Deadline(); !d.IsZero() && !d.After(at(now)); d = l.Deadline() {
				if p, ok := l.Take(d); ok && p.Payload >= 0 {
					worst = max(worst, d.Sub(epoch)-sent[p.Payload])
					n++
				}
			}
		}
		// A packet of 1500 bytes takes 1.2 ms, a quantum of 1514 may be exceeded by one of them.
		if limit := time.Duration(1+2*bulky)*1200*time.Microsecond + 160*time.Microsecond; worst > limit || n < 49 {
			t.Fatalf("%d bulky flows: a sparse packet took %v, want at most %v; %d came", bulky, worst, limit, n)
		}
	})
}

// Flows that want more than there is get the same number of bytes, whatever the size of their packets.
func TestFlowsTakeTurnsByBytes(t *testing.T) {
	l := New[int](epoch, Config{Rate: 10e6, BufferBytes: 500_000, AQM: FQCoDel{Quantum: 300}})
	got := map[uint32]int{}
	for now := time.Duration(0); now < 10*time.Second; now += ms {
		for flow, size := range []int{1500, 700, 100} {
			for sent := 0; sent < 1500; sent += size {
				l.Send(at(now), Datagram[int]{Size: size, Flow: uint32(flow)})
			}
		}
		for d, ok := l.Take(at(now)); ok; d, ok = l.Take(at(now)) {
			if now > time.Second {
				got[d.Flow] += d.Size
			}
		}
	}
	for flow, bytes := range got {
		if share := float64(bytes) / (9 * 10e6 / 8 / 3); share < 0.98 || share > 1.02 {
			t.Errorf("flow %d got %.3f of its share: %v", flow, share, got)
		}
	}
}

// RFC 8290, section 4.1: a full buffer drops from the head of the queue with the largest byte count, so
// that who fills it pays, and not who comes next.
func TestAFullBufferDropsFromTheFattestFlow(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, BufferBytes: 20_000, AQM: FQCoDel{}})
	for i := range 40 {
		if v := l.Send(epoch, Datagram[int]{Size: 1000, Flow: 1, Payload: i}); v != Queued {
			t.Fatalf("packet %d: %v", i, v)
		}
	}
	for i := range 3 {
		if v := l.Send(epoch, Datagram[int]{Size: 1000, Flow: 2, Payload: 100 + i}); v != Queued {
			t.Fatalf("packet %d of the thin flow: %v", i, v)
		}
	}
	thin, last := 0, 0
	for _, a := range drain(t, l) {
		if a.packet >= 100 {
			thin++
		} else {
			last = a.packet
		}
	}
	s := l.Stats()
	if thin != 3 || last != 39 || s.DroppedBuffer == 0 || s.Dropped.Packets != s.DroppedBuffer+s.DroppedAQM {
		t.Fatalf("%d of the thin flow came, the last of the fat one was %d; %v", thin, last, s)
	}
}

// A packet that is dropped because its own flow is the fattest says so.
func TestTheNewcomerMayBeTheFattest(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, BufferBytes: 1000, AQM: FQCoDel{}})
	l.Send(epoch, datagram(900, 0))
	if v := l.Send(epoch, datagram(900, 1)); v != DroppedBuffer {
		t.Fatal(v)
	}
	if s := l.Stats(); s.Dropped.Packets != 1 || s.DroppedBuffer != 1 || s.Inside.Packets != 1 {
		t.Fatal(s)
	}
}

// RFC 8290, section 4.2: "If the queue selected for dequeue came from the list of new queues, it is moved to the end of the
// list of old queues" when it is found empty: a flow that sends one packet at a time does not stay new for ever.
func TestAFlowIsNotNewTwiceInARound(t *testing.T) {
	l := New[int](epoch, Config{Rate: 10e6, BufferBytes: 500_000, AQM: FQCoDel{}})
	for range 200 {
		l.Send(epoch, Datagram[int]{Size: 1000, Flow: 1})
	}
	clever := 0
	for now := time.Duration(0); now < 100*ms; now += ms / 10 { // whenever its queue is empty it sends one
		if f := l.buffer.fair.flows[l.buffer.fair.index(2)]; f.packets == 0 {
			l.Send(at(now), Datagram[int]{Size: 1000, Flow: 2})
		}
		for d, ok := l.Take(at(now)); ok; d, ok = l.Take(at(now)) {
			if d.Flow == 2 {
				clever++
			}
		}
	}
	if clever > 66 { // 125 packets pass in all
		t.Fatalf("%d of 125 packets were the clever flow's", clever)
	}
}

func TestSeedsHashFlowsDifferently(t *testing.T) {
	a, b := newFair(FQCoDel{}, Config{Seed: 1}), newFair(FQCoDel{}, Config{Seed: 2})
	same := 0
	for n := range uint32(1000) {
		if a.index(n) == b.index(n) {
			same++
		}
	}
	if same > 10 {
		t.Fatalf("%d of 1000 flows have the same queue with both seeds", same)
	}
}
