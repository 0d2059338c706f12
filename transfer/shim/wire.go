// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind says what follows the header of a frame.
type Kind uint8

// The kinds, as on the wire.
const (
	Nothing  Kind = iota // only feedback, or nothing at all; not eliciting
	Packet               // a packet of SCTP
	Probe                // padding, to be acknowledged
	Greeting             // what the ends tell one another before SCTP starts; the content is the edge's
	Bye                  // the conversation is over; not eliciting
	Fragment             // a part of a packet that does not fit the path any more
	kinds
)

// Eliciting reports whether the receiver owes a feedback for a frame of this kind.
func (k Kind) Eliciting() bool { return k != Nothing && k != Bye }

func (k Kind) String() string {
	names := [...]string{"nothing", "packet", "probe", "greeting", "bye", "fragment"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

const (
	// HeaderSize is what a frame without feedback adds to its payload: kind (1), stamp (4).
	HeaderSize = 5

	withFeedback = 0x80 // bit of the first byte: a feedback lies between header and payload

	maxRanges   = 128 // in one feedback
	maxArrivals = 64  // in one feedback
	maxSequence = 1<<48 - 1
)

// ErrMalformed is wrapped by every error of the parser.
var ErrMalformed = errors.New("malformed frame")

// span is a range of sequence numbers, both ends included.
type span struct{ lo, hi uint64 }

// arrival is one datagram's arrival, in microseconds of the receiver's clock, which wraps.
type arrival struct {
	sequence uint64
	stamp    uint32
}

// feedback is what a receiver reports.
//
//	held      uvarint   µs from the newest arrival to the sending of this report, at most one minute
//	newest    uint32    stamp of the newest arrival, µs, big endian
//	marks     uvarint   datagrams with the mark Congestion Experienced so far
//	ranges    uvarint   their number, 1 to 128; newest first, each higher than the next by at least 2
//	          uvarint   highest sequence number of the first; of the others: gap to the range above, minus 2
//	          uvarint   length of the range, minus 1
//	arrivals  uvarint   their number, 0 to 64; the newest first
//	          varint    sequence number, relative to the one before; the first to the highest
//	          uvarint   µs before the one before; absent for the first
type feedback struct {
	held     uint32
	newest   uint32
	marks    uint64
	ranges   []span
	arrivals []arrival
}

const maxHeld = 60_000_000 // µs

// appendFeedback writes f. It is the caller's business that f obeys the limits.
func appendFeedback(b []byte, f *feedback) []byte {
	b = binary.AppendUvarint(b, uint64(f.held))
	b = binary.BigEndian.AppendUint32(b, f.newest)
	b = binary.AppendUvarint(b, f.marks)
	b = binary.AppendUvarint(b, uint64(len(f.ranges)))
	for i, r := range f.ranges {
		if i == 0 {
			b = binary.AppendUvarint(b, r.hi)
		} else {
			b = binary.AppendUvarint(b, f.ranges[i-1].lo-r.hi-2)
		}
		b = binary.AppendUvarint(b, r.hi-r.lo)
	}
	b = binary.AppendUvarint(b, uint64(len(f.arrivals)))
	prev := arrival{f.ranges[0].hi, f.newest}
	for i, a := range f.arrivals {
		b = binary.AppendVarint(b, int64(a.sequence)-int64(prev.sequence))
		if i > 0 {
			b = binary.AppendUvarint(b, uint64(prev.stamp-a.stamp))
		}
		prev = a
	}
	return b
}

// reader takes numbers off a byte string and remembers the first fault.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	r.b = nil
}

// uvarint takes a number of at most limit, in its shortest form.
func (r *reader) uvarint(limit uint64, what string) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit || n > 1 && r.b[n-1] == 0 {
		r.fail(what)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint(what string) int64 {
	u := r.uvarint(1<<63, what)
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (r *reader) uint32(what string) uint32 {
	if len(r.b) < 4 {
		r.fail(what)
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

// parseFeedback reads a feedback into f, whose slices it reuses, and returns what follows.
func parseFeedback(b []byte, f *feedback) ([]byte, error) {
	r := reader{b: b}
	f.held = uint32(r.uvarint(maxHeld, "time held back"))
	f.newest = r.uint32("newest stamp")
	f.marks = r.uvarint(maxSequence, "marks")
	f.ranges, f.arrivals = f.ranges[:0], f.arrivals[:0]
	n := r.uvarint(maxRanges, "number of ranges")
	if n == 0 {
		r.fail("no range")
	}
	for i := uint64(0); i < n && r.err == nil; i++ {
		var hi uint64
		if i == 0 {
			hi = r.uvarint(maxSequence, "highest sequence number")
		} else {
			below := f.ranges[i-1].lo
			if below < 2 {
				r.fail("range below zero")
				break
			}
			hi = below - 2 - r.uvarint(below-2, "gap")
		}
		f.ranges = append(f.ranges, span{hi - r.uvarint(hi, "length of a range"), hi})
	}
	parseArrivals(&r, f)
	return r.b, r.err
}

func parseArrivals(r *reader, f *feedback) {
	n := r.uvarint(maxArrivals, "number of arrivals")
	if r.err != nil {
		return
	}
	prev := arrival{f.ranges[0].hi, f.newest}
	for i := uint64(0); i < n; i++ {
		d := r.varint("sequence number of an arrival")
		seq := int64(prev.sequence) + d
		if d > maxSequence || d < -maxSequence || seq < 0 || uint64(seq) > f.ranges[0].hi {
			r.fail("arrival out of range")
		}
		stamp := prev.stamp
		if i > 0 {
			stamp -= uint32(r.uvarint(1<<31, "time of an arrival"))
		}
		if r.err != nil {
			return
		}
		prev = arrival{uint64(seq), stamp}
		f.arrivals = append(f.arrivals, prev)
	}
}

// header is the parsed beginning of a frame.
type header struct {
	kind     Kind
	stamp    uint32 // µs of the sender's clock, which wraps
	feedback bool
}

// parseFrame takes a frame apart. fb is filled if the header says so. The payload lies in frame.
func parseFrame(frame []byte, fb *feedback) (h header, payload []byte, err error) {
	if len(frame) < HeaderSize {
		return h, nil, fmt.Errorf("%w: %d bytes are no header", ErrMalformed, len(frame))
	}
	h.feedback = frame[0]&withFeedback != 0
	h.kind = Kind(frame[0] &^ withFeedback)
	if h.kind >= kinds {
		return h, nil, fmt.Errorf("%w: unknown %v", ErrMalformed, h.kind)
	}
	h.stamp = binary.BigEndian.Uint32(frame[1:])
	payload = frame[HeaderSize:]
	if h.feedback {
		payload, err = parseFeedback(payload, fb)
	}
	return h, payload, err
}
