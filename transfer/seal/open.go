// SPDX-License-Identifier: Apache-2.0

package seal

import "fmt"

// maxForged is the number of datagrams that may fail to open. RFC 9001 section 6.6: "For AEAD_AES_128_GCM, the integrity
// limit is 2^52 invalid packets", counted over all keys of a conversation.
const maxForged = 1 << 52

// An Opener opens the datagrams of one direction. One goroutine at a time.
type Opener struct {
	before *generation // nil once the window has left it behind
	gen    *generation // that of the highest sequence number opened
	ahead  *generation // made before it is needed: RFC 9001 section 6.3 warns of the delay that making it then would show
	since  uint64      // sequence number that opened gen; before is of use only below it

	window   window
	forged   uint64
	replayed uint64
	limit    uint64 // maxForged, but for tests
	nonce    [ivSize]byte
}

// Open opens in place: the plaintext returned lies in d. If it fails with ErrForged, d is destroyed. Other errors:
// ErrNotSealed, ErrReplayed, ErrExhausted.
func (o *Opener) Open(d []byte) (Header, []byte, error) {
	h, err := ParseHeader(d)
	if err != nil {
		return Header{}, nil, err
	}
	if o.forged >= o.limit {
		return Header{}, nil, ErrExhausted
	}
	if !o.window.fresh(h.Sequence) {
		o.replayed++
		return Header{}, nil, ErrReplayed
	}
	gen := o.choose(d[0]&phaseBit, h.Sequence)
	if gen == nil {
		o.forged++
		return Header{}, nil, ErrForged
	}
	gen.nonce(&o.nonce, h.Sequence)
	plain, err := gen.aead.Open(d[HeaderSize:HeaderSize], o.nonce[:], d[HeaderSize:], d[:HeaderSize])
	if err != nil {
		o.forged++
		return Header{}, nil, ErrForged
	}
	if gen == o.ahead {
		if err := o.ratchet(h.Sequence); err != nil {
			return Header{}, nil, err
		}
	}
	o.window.opened(h.Sequence)
	if o.before != nil && o.window.top >= o.since+Window {
		o.before = nil
	}
	return h, plain, nil
}

// choose names the only generation under which a datagram can be genuine. A sender changes the phase as its numbers
// rise, so in the other phase a number above all opened ones belongs to the generation ahead, any other to the one before.
func (o *Opener) choose(phase byte, sequence uint64) *generation {
	switch {
	case phase == o.gen.phase():
		return o.gen
	case sequence >= o.window.top:
		return o.ahead
	default:
		return o.before
	}
}

// ratchet follows the sender, who is proved to have gone on to the generation ahead.
func (o *Opener) ratchet(sequence uint64) error {
	ahead, err := o.ahead.next()
	if err != nil {
		return err
	}
	o.before, o.gen, o.ahead, o.since = o.gen, o.ahead, ahead, sequence
	return nil
}

// Rejected is how many datagrams looked sealed and did not open, copies included.
func (o *Opener) Rejected() uint64 { return o.forged + o.replayed }

// String says in one line where keys and window stand.
func (o *Opener) String() string {
	return fmt.Sprintf("opener generation=%d before=%t top=%d forged=%d replayed=%d",
		o.gen.number, o.before != nil, o.window.top, o.forged, o.replayed)
}
