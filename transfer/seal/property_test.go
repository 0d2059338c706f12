// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// stream seals datagrams with gaps in their numbers, changing keys on the way, and returns them in order.
func stream(rt *rapid.T, t *testing.T, s *Sealer) (datagrams [][]byte, sequences []uint64) {
	n := rapid.IntRange(1, 3*int(s.limit)).Draw(rt, "datagrams")
	at := rapid.Uint64Range(0, MaxSequence-10*uint64(n)).Draw(rt, "first sequence")
	for range n {
		datagrams = append(datagrams, sealed(t, s, at))
		sequences = append(sequences, at)
		at += rapid.SampledFrom([]uint64{1, 1, 1, 1, 2, 10}).Draw(rt, "step")
	}
	return datagrams, sequences
}

// Any part of a stream opens in any order, each datagram exactly once, over key changes. Copies never open. Losses and
// displacements together stay below the length of a generation, as the package asks.
func TestPropertyOpensExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, o := both(t, 64)
		datagrams, sequences := stream(rt, t, s)
		lost := 0 // in a row
		for _, i := range shuffle(rt, len(datagrams), 9) {
			if lost < 5 && rapid.IntRange(0, 9).Draw(rt, "lost") == 0 {
				lost++
				continue
			}
			lost = 0
			opens(t, o, datagrams[i], sequences[i])
			refuses(t, o, datagrams[i], ErrReplayed)
		}
	})
}

// Inside one generation any order at all will do, as long as the window reaches.
func TestPropertyAnyOrderInsideTheWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, o := both(t, updateAfter)
		n := rapid.IntRange(1, 60).Draw(rt, "datagrams")
		low := rapid.Uint64Range(0, MaxSequence-Window).Draw(rt, "lowest")
		picks := rapid.SliceOfNDistinct(rapid.Uint64Range(low, low+Window-1), n, n, rapid.ID[uint64]).Draw(rt, "sequences")
		made := map[uint64][]byte{}
		for sequence := range ascending(picks) {
			made[sequence] = sealed(t, s, sequence)
		}
		for _, sequence := range picks {
			opens(t, o, made[sequence], sequence)
		}
		for _, sequence := range picks {
			refuses(t, o, made[sequence], ErrReplayed)
		}
	})
}

// The window agrees with a set that forgets nothing.
func TestPropertyWindowLikeASet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var w window
		seen := map[uint64]bool{}
		var top uint64
		at := rapid.Uint64Range(0, 1<<40).Draw(rt, "start")
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			sequence := at + rapid.Uint64Range(0, 3*Window).Draw(rt, "offset")
			fresh := !seen[sequence] && sequence+Window >= top
			if got := w.fresh(sequence); got != fresh {
				rt.Fatalf("fresh(%d) = %t with top %d, want %t", sequence, got, top, fresh)
			}
			if fresh {
				w.opened(sequence)
				seen[sequence] = true
				top = max(top, sequence+1)
			}
			if w.top != top {
				rt.Fatalf("top %d, want %d", w.top, top)
			}
			at += rapid.SampledFrom([]uint64{0, 0, 1, 64, Window, 5 * Window}).Draw(rt, "advance")
		}
	})
}

// Any bit changed anywhere, and the datagram is refused; the genuine one still opens.
func TestPropertyAnyFlippedBitIsRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, o := both(t, 20)
		datagrams, sequences := stream(rt, t, s)
		for i, d := range datagrams {
			bad := bytes.Clone(d)
			bit := rapid.IntRange(0, 8*len(bad)-1).Draw(rt, "bit")
			bad[bit/8] ^= 1 << (bit % 8)
			if _, _, err := o.Open(bad); err == nil {
				rt.Fatalf("datagram %d opens with bit %d flipped", sequences[i], bit)
			} else if !errors.Is(err, ErrForged) && !errors.Is(err, ErrNotSealed) && !errors.Is(err, ErrReplayed) {
				rt.Fatal(err)
			}
			opens(t, o, d, sequences[i])
		}
	})
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	s, o := both(t, updateAfter)
	d := sealed(t, s, 1<<33)
	for bit := range 8 * len(d) {
		bad := bytes.Clone(d)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, _, err := o.Open(bad); err == nil {
			t.Fatalf("opens with bit %d flipped", bit)
		}
	}
	opens(t, o, d, 1<<33)
}
