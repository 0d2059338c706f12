// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"math"
	"time"
)

// CapabilityRelay is the capability of a host that hands on what its neighbours report to their hub.
const CapabilityRelay = "relay"

// Limits of Letter.
const (
	MaxLetter = 128 << 10        // bytes of a whole one
	MaxNext   = 10 * time.Second // until the next report
)

// LetterKind says what a Letter is.
type LetterKind uint8

// The closed list of what a Letter is.
const (
	LetterReport  LetterKind = iota // hand this on to the hub
	LetterAnswer                    // what the hub answers to the report of that Number
	LetterRefused                   // there is no answer to it: report to the hub yourself
)

// Letter is a piece of what a host reports to its hub by way of the other side, or of the hub's answer. What is in it is sealed by its writer
// and nothing to the two of them. Fields that its kind does not have are zero.
type Letter struct {
	Kind   LetterKind
	Number uint64        // of the report, chosen by who reports, ascending
	Next   time.Duration // whole milliseconds until it should report again, at most MaxNext; 0: as it likes; of an answer
	Offset uint32        // of the piece
	Total  uint32        // bytes of the whole, 1 to MaxLetter
	Bytes  []byte
}

// letterOverhead is what a piece takes at most besides its bytes.
const letterOverhead = 2 + 10 + 2 + 3 + 3

// Append implements Message.
func (m Letter) Append(dst []byte) []byte {
	dst = appendUvarint(append(dst, typeLetter, byte(m.Kind)), m.Number)
	if m.Kind == LetterRefused {
		return dst
	}
	if m.Kind == LetterAnswer {
		dst = appendUvarint(dst, uint64(m.Next/time.Millisecond))
	}
	return append(appendUvarint(appendUvarint(dst, m.Offset), m.Total), m.Bytes...)
}

func (r *reader) letter() Letter {
	m := Letter{Kind: LetterKind(r.byte(0, byte(LetterRefused), "kind")), Number: r.uvarint(1, math.MaxUint64, "number")}
	if m.Kind == LetterRefused {
		return m
	}
	if m.Kind == LetterAnswer {
		m.Next = time.Duration(r.uvarint(0, uint64(MaxNext/time.Millisecond), "next")) * time.Millisecond
	}
	m.Offset = uint32(r.uvarint(0, MaxLetter-1, "offset"))
	m.Total = uint32(r.uvarint(1, MaxLetter, "total"))
	m.Bytes = append([]byte(nil), r.b...) // it waits for the others
	r.b = nil
	r.piece(m.Offset, m.Total, len(m.Bytes))
	return m
}

func (k LetterKind) String() string { return [...]string{"report", "answer", "refused"}[k] }

func (m Letter) String() string {
	s := fmt.Sprintf("letter %v %d", m.Kind, m.Number)
	if m.Kind != LetterRefused {
		s += fmt.Sprintf(" bytes %d+%d of %d", m.Offset, len(m.Bytes), m.Total)
	}
	if m.Kind == LetterAnswer {
		s += fmt.Sprintf(" next in %v", m.Next)
	}
	return s
}

// letters is what is said and heard of reports: what waits to be cut, whole and with how much of it is gone, and what has come of the next.
type letters struct {
	waiting queue[*Letter]
	coming  Letter
}

// put lets a letter wait. One of its kind that has not left whole was given up by its writer: what is left of it is not said.
func (l *letters) put(m Letter) {
	l.waiting.drop(func(older *Letter) bool { return older.Kind == m.Kind })
	l.waiting.push(&m)
}

// cut takes the next piece, of at most max bytes with everything.
func (l *letters) cut(max int) (Letter, bool) {
	if l.waiting.len() == 0 {
		return Letter{}, false
	}
	m := l.waiting.front()
	piece := *m
	piece.Bytes = m.Bytes[m.Offset:min(len(m.Bytes), int(m.Offset)+max-letterOverhead)]
	if m.Offset += uint32(len(piece.Bytes)); m.Offset == m.Total {
		l.waiting.pop()
	}
	return piece, true
}

// arrived takes a piece; whole is the letter that it ends.
func (l *letters) arrived(m Letter) (whole Letter, ok bool, fault string) {
	c := l.coming
	switch {
	case m.Kind == LetterRefused:
		return m, true, ""
	case m.Offset == 0:
		c = m
	case m.Offset != uint32(len(c.Bytes)) || m.Kind != c.Kind || m.Number != c.Number || m.Total != c.Total || m.Next != c.Next:
		return Letter{}, false, "does not go on where the last one ended"
	default:
		c.Bytes = append(c.Bytes, m.Bytes...)
	}
	if l.coming = c; len(c.Bytes) < int(c.Total) {
		return Letter{}, false, ""
	}
	l.coming = Letter{}
	return c, true, ""
}

// Letter hands a whole letter to the other side, if it can relay; otherwise it does nothing, as if the letter were lost. Offset and Total
// follow from its Bytes. It takes the place of an older one of its kind that has not left.
func (s *Session) Letter(now time.Time, m Letter) error {
	if err := s.usable(); err != nil {
		return err
	}
	if !s.can(CapabilityRelay) {
		return nil
	}
	m.Offset, m.Total, m.Next = 0, uint32(min(len(m.Bytes), MaxLetter+1)), m.Next.Truncate(time.Millisecond)
	first := m
	first.Bytes = m.Bytes[:min(len(m.Bytes), MinPiece)]
	if _, err := Parse(first.Append(nil)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s.letters.put(m)
	return nil
}

func (s *Session) letterArrived(m Letter) (fault string) {
	if !s.can(CapabilityRelay) {
		return fmt.Sprintf("it needs the capability %q", CapabilityRelay)
	}
	whole, ok, fault := s.letters.arrived(m)
	if ok {
		s.events.push(PeerLetter{whole})
	}
	return fault
}

// PeerLetter: the other side has a whole letter for us.
type PeerLetter struct{ Letter Letter }

func (PeerLetter) event() {}

func (e PeerLetter) String() string { return "PeerLetter " + e.Letter.String() }
