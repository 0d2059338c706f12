// SPDX-License-Identifier: Apache-2.0

package content

import (
	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
	"github.com/PlakarKorp/go-cdc-chunkers/chunkers/fastcdc"
)

// algorithm is the library's fixed, versioned variant: its plain "fastcdc" keeps
// the masks of an 8 KiB average whatever the sizes asked for, and would cut
// almost everything just behind the minimum.
const algorithm = "fastcdc-v1.0.0"

// fastCut finds the cut points of the library's "fastcdc-v1.0.0" at our sizes,
// bit for bit (a test compares the two), in about half the time, and so makes
// room for the hash in what one core can publish. It uses the library's table
// of random numbers and plugs into its buffering.
//
// The algorithm is FastCDC (Xia et al., USENIX ATC 2016) with normalised
// chunking at level 2: a rolling sum of table entries, one a byte, from
// MinChunk on; the cut is in front of the byte at which the sum has only
// zeroes under a mask, 22 bits wide up to AvgChunk and 18 bits beyond it, or
// at MaxChunk.
type fastCut struct{}

const fastCutName = "ebb-" + algorithm

// The masks are what "fastcdc-v1.0.0" computes for an average of 1 MiB: log2 of
// the average, plus and minus 2, bits, spread evenly from the top down.
const (
	maskBelowAvg = 0xAAAAAAAAAAA00000 // 22 bits, two apart
	maskAboveAvg = 0x9249249249249000 // 18 bits, three apart
)

func init() {
	err := chunkers.Register(fastCutName, func() chunkers.ChunkerImplementation { return fastCut{} })
	if err != nil {
		panic(err) // the name is ours alone
	}
}

// DefaultOptions returns the sizes of the format.
func (fastCut) DefaultOptions() *chunkers.ChunkerOpts {
	return &chunkers.ChunkerOpts{MinSize: MinChunk, NormalSize: AvgChunk, MaxSize: MaxChunk}
}

// Setup has nothing to prepare.
func (fastCut) Setup(*chunkers.ChunkerOpts) error { return nil }

// Validate accepts everything: the options are ours.
func (fastCut) Validate(*chunkers.ChunkerOpts) error { return nil }

// Algorithm returns the length of the first chunk of data[:n], which is the
// rest of the stream or at least MaxChunk bytes of it.
func (fastCut) Algorithm(_ *chunkers.ChunkerOpts, data []byte, n int) int {
	data = data[:min(n, MaxChunk)]
	if len(data) <= MinChunk {
		return len(data)
	}
	below := data[MinChunk:min(AvgChunk, len(data))]
	at, sum := scan(below, 0, maskBelowAvg)
	if at < len(below) || len(data) <= AvgChunk {
		return MinChunk + at
	}
	at, _ = scan(data[AvgChunk:], sum, maskAboveAvg)
	return AvgChunk + at
}

// scan rolls sum over data and returns the index of the first byte at which it
// is zero under mask, or len(data), and the sum there.
func scan(data []byte, sum, mask uint64) (int, uint64) {
	table := &fastcdc.G
	i := 0
	// Four bytes a turn: what the table gives for them is summed up beside the
	// chain of sums, so that the processor waits for one addition, not for four.
	for ; i+4 <= len(data); i += 4 {
		q := (*[4]byte)(data[i:])
		a, c := table[q[0]], table[q[2]]
		ab, cd := a<<1+table[q[1]], c<<1+table[q[3]]
		sum1, sum2 := sum<<1+a, sum<<2+ab
		sum3, sum4 := sum2<<1+c, sum2<<2+cd
		switch {
		case sum1&mask == 0:
			return i, sum1
		case sum2&mask == 0:
			return i + 1, sum2
		case sum3&mask == 0:
			return i + 2, sum3
		case sum4&mask == 0:
			return i + 3, sum4
		}
		sum = sum4
	}
	for ; i < len(data); i++ {
		if sum = sum<<1 + table[data[i]]; sum&mask == 0 {
			return i, sum
		}
	}
	return i, sum
}
