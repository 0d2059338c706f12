// SPDX-License-Identifier: Apache-2.0

package lan

import "sync"

// slab is the size of the buffers that are used again: a message of the best size with its header.
const slab = 64 << 10

// spares are slabs that were given back; what is much smaller is not worth it.
var spares = sync.Pool{New: func() any { return new([slab]byte) }}

// room is a buffer of n bytes, whatever they are.
func room(n int) []byte {
	if n < slab/4 || n > slab {
		return make([]byte, n)
	}
	return spares.Get().(*[slab]byte)[:n]
}

// reuse takes a buffer of room's back.
func reuse(b []byte) {
	if cap(b) == slab {
		spares.Put((*[slab]byte)(b[:slab]))
	}
}
