// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAssemblyAnyOrder: pieces of any sizes in any order make the answer, and a piece that overlaps one that has come
// is found out, wherever it lies, and changes nothing.
func TestAssemblyAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := bytesOf(idOf(7), rapid.IntRange(1, 5000).Draw(t, "size"))
		var pieces []span
		for at := uint32(0); at < uint32(len(want)); {
			end := min(at+rapid.Uint32Range(1, 900).Draw(t, "piece"), uint32(len(want)))
			pieces = append(pieces, span{at, end})
			at = end
		}
		pieces = rapid.Permutation(pieces).Draw(t, "order")
		a := assembly{buf: make([]byte, len(want))}
		for i, p := range pieces {
			if a.complete() {
				t.Fatal("complete too early")
			}
			if fault, _ := a.add(p.from, want[p.from:p.to]); fault != "" {
				t.Fatal(fault)
			}
			old := pieces[rapid.IntRange(0, i).Draw(t, "again")]
			from := rapid.Uint32Range(0, old.to-1).Draw(t, "from")
			to := rapid.Uint32Range(max(from, old.from)+1, uint32(len(want))).Draw(t, "to")
			if fault, duplicate := a.add(from, make([]byte, to-from)); fault == "" || !duplicate {
				t.Fatalf("bytes %d to %d are taken twice", from, to)
			}
		}
		if !a.complete() || !bytes.Equal(a.buf, want) || len(a.spans) != 1 {
			t.Fatalf("wrong bytes, %d spans", len(a.spans))
		}
	})
}

func TestAssemblyScattered(t *testing.T) {
	a := assembly{buf: make([]byte, 4*maxSpans)}
	for i := range uint32(maxSpans) {
		if fault, _ := a.add(3*i, []byte{1}); fault != "" {
			t.Fatal(fault)
		}
	}
	if fault, duplicate := a.add(3*maxSpans, []byte{1}); !strings.Contains(fault, "scattered") || duplicate {
		t.Errorf("an island too many: %q", fault)
	}
	if fault, _ := a.add(1, []byte{1, 1}); fault != "" {
		t.Errorf("a bridge between two islands: %q", fault)
	}
}

// TestSpare: buffers come back if they fit, and no more are kept than allowed.
func TestSpare(t *testing.T) {
	p := spare{limit: 3 << 20}
	first := p.get(1 << 20)
	p.put(first)
	if again := p.get(1<<20 - 5000); &again[0] != &first[0] || len(again) != 1<<20-5000 {
		t.Error("a buffer that fits is not used again")
	}
	for range 5 {
		p.put(make([]byte, 1<<20))
	}
	p.put(make([]byte, 100))
	if p.bytes != 3<<20 || len(p.buffers) != 3 {
		t.Errorf("%d bytes in %d buffers are kept", p.bytes, len(p.buffers))
	}
	s := New(dawn, Config{})
	if err := s.Deliver(dawn, Hello{MinVersion: 1, MaxVersion: 1, MaxWants: 1}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	req, err := s.Want(dawn, WantSpec{Kind: KindChunk, Size: 1 << 20})
	for ok := true; ok; {
		_, _, ok = s.Next(dawn, nil, MinMessage)
	}
	piece := Data{Request: req, Total: 1 << 20, Bytes: make([]byte, 600)}
	if err := errors.Join(err, s.Deliver(dawn, piece.Append(nil)), s.Cancel(dawn, req)); err != nil || s.fetches.spare.bytes != 1<<20 {
		t.Errorf("the buffer of a canceled request is not kept: %v", err)
	}
	if small := p.get(1000); cap(small) != 1000 {
		t.Errorf("a thousand bytes in a buffer of %d", cap(small))
	}
}

// TestGoneIsBounded: whatever is canceled, the memory of it has an end, and the oldest goes first.
func TestGoneIsBounded(t *testing.T) {
	s := New(dawn, Config{})
	if err := s.Deliver(dawn, Hello{MinVersion: 1, MaxVersion: 1, MaxWants: 1}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	piece := bytesOf(idOf(0xc1), 600)
	for range maxGone + 10 {
		req, err := s.Want(dawn, WantSpec{Kind: KindChunk, ID: idOf(0xc1), Size: 600})
		for ok := true; ok; {
			_, _, ok = s.Next(dawn, nil, MinMessage)
		}
		if err := errors.Join(err, s.Cancel(dawn, req)); err != nil {
			t.Fatal(err)
		}
		if req%2 == 0 {
			err = s.Deliver(dawn, Data{Request: req, Total: 600, Bytes: piece}.Append(nil))
		}
		if err := errors.Join(err, broken(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Deliver(dawn, Data{Request: 11, Total: 600, Bytes: piece}.Append(nil)); err != nil {
		t.Error(err)
	}
	if err := s.Deliver(dawn, Data{Request: 1, Total: 600, Bytes: piece}.Append(nil)); err == nil {
		t.Error("the oldest request is not forgotten")
	}
}

// TestInvalidArguments: an owner's mistake is said, and costs nothing.
func TestInvalidArguments(t *testing.T) {
	s := New(dawn, Config{MaxInbox: 1000})
	hello := Hello{MinVersion: 1, MaxVersion: 1, MaxWants: 9, MaxInterests: 9}
	want := Want{Request: 1, Kind: KindChunk, ID: idOf(0xc1), Size: 10}
	interest := Interest{Content: idOf(0xd1), On: true}
	for _, m := range []Message{hello, want, Find{Request: 2, Name: "x"}, interest} {
		if err := s.Deliver(dawn, m.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for _, ok := s.Take(); ok; _, ok = s.Take() {
	}
	asks := func(_ uint32, err error) error { return err }
	twice := func() error {
		return errors.Join(s.Have(dawn, Gained(idOf(0xd1), 5, 1)), s.Have(dawn, Gained(idOf(0xd1), 6, 1)))
	}
	for what, err := range map[string]error{
		"want of nothing":         asks(s.Want(dawn, WantSpec{Kind: KindChunk})),
		"want of no kind":         asks(s.Want(dawn, WantSpec{Size: 1})),
		"want of a large limit":   asks(s.Want(dawn, WantSpec{Kind: KindManifest, Limit: MaxReply + 1})),
		"find of nothing":         asks(s.Find(dawn, "")),
		"find of two words":       asks(s.Find(dawn, "a b")),
		"interest in too much":    s.Interest(dawn, idOf(1), MaxChunks+1, true),
		"have of an empty range":  s.Have(dawn, Have{Content: idOf(0xd1), Total: 5}),
		"have of a run outside":   s.Have(dawn, Have{Content: idOf(0xd1), Total: 5, Count: 5, Held: []Run{{4, 2}}}),
		"have of an empty run":    s.Have(dawn, Have{Content: idOf(0xd1), Total: 5, Count: 5, Held: []Run{{4, 0}}}),
		"have of another total":   twice(),
		"found for a want":        s.Found(dawn, 1, idOf(0xd1)),
		"serve for a find":        s.Serve(dawn, 2, []byte{1}),
		"refusal without a cause": s.Refuse(dawn, 1, ReasonRate+1),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := asks(s.Want(dawn, WantSpec{Kind: KindChunk, Size: 1001})); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if err := errors.Join(s.Serve(dawn, 1, make([]byte, 10)), broken(s)); err != nil {
		t.Error(err)
	}
}

// TestEarliest: zero is never.
func TestEarliest(t *testing.T) {
	for _, c := range []struct{ a, b, want time.Time }{
		{time.Time{}, time.Time{}, time.Time{}},
		{dawn, time.Time{}, dawn},
		{time.Time{}, dawn, dawn},
		{dawn, dawn.Add(1), dawn},
		{dawn.Add(1), dawn, dawn},
	} {
		if got := earliest(c.a, c.b); !got.Equal(c.want) {
			t.Errorf("of %v and %v: %v", c.a, c.b, got)
		}
	}
}
