// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/transfer/udp"
)

// batchSize is the room for the datagrams of one system call.
const batchSize = 65280

// batch is datagrams of equal size, the last one possibly shorter, for one address.
type batch struct {
	to      netip.AddrPort
	data    []byte
	segment int
	full    bool   // nothing more fits behind
	first   uint64 // sequence numbers: of the first datagram
	last    uint64
	left    time.Time // when the system was given it
}

var batches = sync.Pool{New: func() any { return &batch{data: make([]byte, 0, batchSize)} }}

// outbox collects sealed datagrams until the sending goroutine comes by; while that one is in a system call, they become more.
type outbox struct {
	ready []*batch
	spare []*batch // for swapping
}

// room returns the memory behind the last batch for a datagram of at most size bytes.
func (o *outbox) room(to netip.AddrPort, size int) *batch {
	if n := len(o.ready); n > 0 {
		if b := o.ready[n-1]; !b.full && b.to == to && cap(b.data)-len(b.data) >= size {
			return b
		}
	}
	b := batches.Get().(*batch)
	b.to, b.data, b.segment, b.full = to, b.data[:0], 0, false
	o.ready = append(o.ready, b)
	return b
}

// added takes note of the datagram of n bytes and that sequence number that was just put behind b's data.
func (o *outbox) added(b *batch, n int, seq uint64) {
	switch {
	case b.segment == 0:
		b.segment, b.first = n, seq
	case n < b.segment:
		b.full = true
	case n > b.segment: // it begins a batch of its own
		d := b.data[len(b.data)-n:]
		b.data, b.full = b.data[:len(b.data)-n], true
		next := o.room(b.to, n)
		next.data, next.segment, next.first, next.last = append(next.data, d...), n, seq, seq
		return
	}
	b.last = seq
}

// take gives away what is there.
func (o *outbox) take() []*batch {
	t := o.ready
	o.ready, o.spare = o.spare[:0], nil
	return t
}

// transmit sends batches, and reports whether the system refused their size.
func transmit(s udp.Socket, bs []*batch) (tooBig bool) {
	for _, b := range bs {
		var big *udp.TooBigError
		b.left = time.Now()
		// Any other error is like loss on the way: what is lost is noticed and repeated.
		if err := s.WriteBatch(b.to, b.data, b.segment); errors.As(err, &big) {
			tooBig = true
		}
	}
	return tooBig
}
