// SPDX-License-Identifier: Apache-2.0

package torrent

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const pieceSize = 256 << 10

// metainfo is the metainfo file (BEP 3) of one file.
func metainfo(content io.Reader, name, tracker string) (string, error) {
	var pieces strings.Builder
	var size int64
	piece := make([]byte, pieceSize)
	for {
		n, err := io.ReadFull(content, piece)
		if n > 0 {
			sum := sha1.Sum(piece[:n])
			pieces.Write(sum[:])
			size += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	info := bencode(map[string]any{"name": name, "length": size, "piece length": int64(pieceSize), "pieces": pieces.String(), "private": int64(1)})
	return "d8:announce" + bencode(tracker) + "4:info" + info + "e", nil
}

// bencode writes strings, int64s and dictionaries of them (BEP 3).
func bencode(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%d:%s", len(v), v)
	case int64:
		return fmt.Sprintf("i%de", v)
	case map[string]any:
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(bencode(key) + bencode(v[key]))
		}
		return "d" + b.String() + "e"
	}
	panic(fmt.Sprintf("bencode: a %T", v))
}
