// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

func BenchmarkChunker(b *testing.B) {
	data := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	for _, hash := range []bool{false, true} {
		name := "cut"
		if hash {
			name = "cut+hash"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				c := NewChunker(bytes.NewReader(data))
				for {
					chunk, err := c.Next()
					if err == io.EOF {
						break
					}
					if hash {
						Sum(chunk)
					}
				}
			}
		})
	}
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			Sum(data)
		}
	})
}
