// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/ebbproject/ebb/transfer/carrier"
)

// appendFrame writes a frame as the writer does.
func appendFrame(b []byte, f frame) []byte {
	switch f.kind {
	case kindMessage:
		return append(appendHeader(b, kindMessage, len(f.message)), f.message...)
	case kindBye:
		return appendHeader(b, kindBye, 0)
	}
	return appendWord(b, f.kind, f.value)
}

func TestFramesComeBack(t *testing.T) {
	all := []frame{
		{kind: kindProbe}, {kind: kindEcho, value: 1<<64 - 1}, {kind: kindMessage, message: []byte{0}},
		{kind: kindMessage, message: bytes.Repeat([]byte("ebb"), 5000)}, {kind: kindMessage, message: make([]byte, slab)},
		{kind: kindMessage, message: make([]byte, carrier.MaxMessage)}, {kind: kindBye},
	}
	var stream []byte
	for _, f := range all {
		stream = appendFrame(stream, f)
	}
	for _, r := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream))} {
		for i, want := range all {
			got, err := readFrame(r)
			if err != nil || got.kind != want.kind || got.value != want.value || !bytes.Equal(got.message, want.message) {
				t.Errorf("frame %d: kind %d, %d bytes, %v", i, got.kind, len(got.message), err)
			}
		}
		if _, err := readFrame(r); err != io.EOF {
			t.Error(err)
		}
	}
}

// Whatever arrives, a frame is what its bytes say in one form, nothing larger than allowed is made room for, and what is wrong is said to be.
func FuzzFrames(f *testing.F) {
	f.Add(appendFrame(nil, frame{kind: kindMessage, message: []byte("one")}))
	f.Add(appendFrame(appendFrame(nil, frame{kind: kindProbe, value: 77}), frame{kind: kindEcho, value: 5}))
	f.Add(appendHeader(nil, kindBye, 0))
	f.Add(appendHeader(nil, kindMessage, carrier.MaxMessage+1))
	f.Add([]byte{kindMessage, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		var again []byte
		for {
			x, err := readFrame(r)
			if len(x.message) > carrier.MaxMessage {
				t.Fatalf("room for %d bytes", len(x.message))
			}
			if err == nil {
				again = appendFrame(again, x)
				continue
			}
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, carrier.ErrBroken) {
				t.Fatal(err)
			}
			break
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatalf("read % x, which is not how % x begins", again, stream)
		}
	})
}
