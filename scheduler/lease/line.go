// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"encoding/binary"

	"github.com/ebbproject/ebb/content"
)

// score is the place of a host in the line for the content: the lowest is first.
func (t *Table) score(name string, weight int) uint64 {
	key := t.keys[name]
	if key == 0 {
		sum := content.Sum([]byte(name))
		key = binary.LittleEndian.Uint64(sum[:]) | 1
		if len(t.keys) >= maxKeys {
			clear(t.keys)
		}
		t.keys[name] = key
	}
	best := ^uint64(0)
	for i := range min(weight, MaxWeight) {
		best = min(best, mix(key^t.salt+uint64(i)<<32))
	}
	return best
}

// maxKeys bounds the memory of names.
const maxKeys = 4096

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
