// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/golden"
)

func anyFeedback(t *rapid.T) *feedback {
	f := &feedback{
		held:   uint32(rapid.IntRange(0, maxHeld).Draw(t, "held")),
		newest: rapid.Uint32().Draw(t, "newest"),
		marks:  rapid.Uint64Range(0, maxSequence).Draw(t, "marks"),
	}
	hi := rapid.Uint64Range(0, maxSequence).Draw(t, "highest")
	for range rapid.IntRange(1, maxRanges).Draw(t, "ranges") {
		lo := hi - min(hi, uint64(rapid.IntRange(0, 1000).Draw(t, "length")))
		f.ranges = append(f.ranges, span{lo, hi})
		gap := uint64(rapid.IntRange(2, 100).Draw(t, "gap"))
		if lo < gap {
			break
		}
		hi = lo - gap
	}
	stamp := f.newest
	for i := range rapid.IntRange(0, maxArrivals).Draw(t, "arrivals") {
		if i > 0 {
			stamp -= uint32(rapid.IntRange(0, 1<<20).Draw(t, "earlier"))
		}
		seq := f.ranges[0].hi - min(f.ranges[0].hi, uint64(rapid.IntRange(0, 5000).Draw(t, "behind")))
		f.arrivals = append(f.arrivals, arrival{seq, stamp})
	}
	return f
}

func TestFeedbackSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFeedback(t)
		var got feedback
		rest, err := parseFeedback(append(appendFeedback(nil, f), "rest"...), &got)
		if err != nil || string(rest) != "rest" {
			t.Fatalf("%v, rest %q", err, rest)
		}
		if fmt.Sprint(got) != fmt.Sprint(*f) {
			t.Fatalf("sent %v\ngot  %v", *f, got)
		}
	})
}

// The wire format is a promise: these bytes must not change within a version.
func TestFrameVectors(t *testing.T) {
	vectors := []struct {
		name string
		kind Kind
		fb   *feedback
		load string
	}{
		{"nothing, no feedback", Nothing, nil, ""},
		{"packet", Packet, nil, "sctp"},
		{"bye", Bye, nil, ""},
		{"one range, its arrival", Nothing, &feedback{held: 300, newest: 0x01020304, ranges: []span{{0, 7}}, arrivals: []arrival{{7, 0x01020304}}}, ""},
		{
			"packet behind feedback with gaps, reordering and marks", Packet,
			&feedback{
				held: 0, newest: 1000, marks: 5, ranges: []span{{998, 1000}, {990, 995}, {3, 3}},
				arrivals: []arrival{{995, 1000}, {1000, 900}, {999, 900}, {990, 1<<32 - 50}},
			},
			"sctp",
		},
	}
	var b strings.Builder
	for _, v := range vectors {
		frame := []byte{byte(v.kind), 0, 1, 2, 3}
		if v.fb != nil {
			frame[0] |= withFeedback
			frame = appendFeedback(frame, v.fb)
		}
		frame = append(frame, v.load...)
		fmt.Fprintf(&b, "%s\n%s\n", v.name, hex.EncodeToString(frame))
		var fb feedback
		h, payload, err := parseFrame(frame, &fb)
		if err != nil || h.kind != v.kind || h.stamp != 0x00010203 || string(payload) != v.load {
			t.Errorf("%s: %+v %q %v", v.name, h, payload, err)
		}
		if v.fb != nil && fmt.Sprint(fb) != fmt.Sprint(*v.fb) {
			t.Errorf("%s: %v", v.name, fb)
		}
	}
	const file = "testdata/frames.txt"
	golden.Check(t, file, b.String())
}

func TestMalformedFramesAreRefused(t *testing.T) {
	good := appendFeedback([]byte{withFeedback, 0, 0, 0, 0}, &feedback{ranges: []span{{5, 9}, {1, 2}}, arrivals: []arrival{{9, 0}}})
	var fb feedback
	if _, _, err := parseFrame(good, &fb); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, _, err := parseFrame(good[:n], &fb); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, frame := range map[string][]byte{
		"unknown kind":            {byte(kinds), 0, 0, 0, 0},
		"no range":                {withFeedback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"number in a long form":   {withFeedback, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
		"range below zero":        {withFeedback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 6, 0},
		"too many ranges":         {withFeedback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 1},
		"arrival of the unknown":  {withFeedback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 1, 2},
		"second range touches -2": {withFeedback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 5, 0, 0, 0},
	} {
		if _, _, err := parseFrame(frame, &fb); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{byte(Packet), 0, 0, 0, 0, 1, 2, 3})
	f.Add(appendFeedback([]byte{withFeedback, 0, 0, 0, 0}, &feedback{ranges: []span{{5, 9}, {1, 2}}, arrivals: []arrival{{9, 0}, {2, 1 << 31}}}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var fb feedback
		h, payload, err := parseFrame(frame, &fb)
		if err != nil || !h.feedback {
			return
		}
		// One accepted form.
		again := append(appendFeedback(slices.Clone(frame[:HeaderSize]), &fb), payload...)
		if !bytes.Equal(again, frame) {
			t.Errorf("%x\nparses to %+v, which is\n%x", frame, fb, again)
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add(dataPacket(7, 100))
	f.Add(sackPacket(1, 2))
	f.Add([]byte("neither"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if _, n, ok := chunksOf(packet); ok != (n > 0) || int(n) > len(packet)/4 {
			t.Errorf("%d chunks in %d bytes", n, len(packet))
		}
	})
}

// A peer may send anything behind its seal: the shim must neither fall over nor believe it.
func FuzzDeliver(f *testing.F) {
	f.Add(uint64(1), []byte{byte(Packet), 0, 0, 0, 0, 1, 2, 3})
	f.Add(uint64(9), appendFeedback([]byte{withFeedback, 0, 0, 0, 0}, &feedback{ranges: []span{{0, 2}}, arrivals: []arrival{{2, 0}}}))
	f.Fuzz(func(t *testing.T, seq uint64, frame []byte) {
		s := New(epoch, Config{Controller: controller(t), Remote: addr(2), Overhead: overhead})
		now := epoch
		for tsn := range uint32(5) {
			p := dataPacket(tsn, 100)
			s.Offer(now, p)
			s.Stamp(now, nil, Frame{Kind: Packet, Payload: p})
		}
		now = now.Add(50 * ms)
		kind, payload, err := s.Deliver(now, Arrival{Sequence: seq & maxSequence, Frame: frame, From: addr(2)})
		if err == nil && kind == Fragment {
			s.Join(payload)
		}
		if s.send.inFlight < 0 {
			t.Errorf("%d bytes in flight", s.send.inFlight)
		}
		for range 100 {
			s.Advance(now)
			for f, ok := s.Take(now); ok; f, ok = s.Take(now) {
				s.Stamp(now, nil, f)
			}
			if d := s.Deadline(); d.After(now) {
				now = d
			}
		}
	})
}
