// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"slices"

	"github.com/ebbproject/ebb/transfer"
)

// Limits of what is read from disk to serve others.
const (
	deskBytes = 24 << 20 // read and not yet handed to the carrier, over all peers
	deskQueue = 256      // requests waiting, over all peers; beyond it we are busy
)

type serving struct {
	Serve
	priority uint8
}

type servingKey struct {
	peer    string
	request uint32
}

// Desk keeps the memory of serving bounded: a request is read from disk when there is room for its bytes, by priority,
// then in the order of arrival.
type Desk struct {
	waiting []serving
	reading map[servingKey]int64 // bytes taken by each request that was let through
	bytes   int64
}

// NewDesk is an empty desk.
func NewDesk() *Desk { return &Desk{reading: map[servingKey]int64{}} }

// Requested puts a request in the queue; false when the queue is full: decline with busy.
func (d *Desk) Requested(s Serve, priority uint8) bool {
	if len(d.waiting) >= deskQueue {
		return false
	}
	at, _ := slices.BinarySearchFunc(d.waiting, priority, func(w serving, p uint8) int {
		if w.priority >= p {
			return -1
		}
		return cmp.Compare(p, w.priority)
	})
	d.waiting = slices.Insert(d.waiting, at, serving{s, priority})
	return true
}

// Released says that a request was answered, refused or taken back: its bytes are free again.
func (d *Desk) Released(peer string, request uint32) {
	key := servingKey{peer, request}
	d.bytes -= d.reading[key]
	delete(d.reading, key)
	d.waiting = slices.DeleteFunc(d.waiting, func(s serving) bool { return s.Peer == peer && s.Request == request })
}

// Chunks lists the requests for chunks that wait.
func (d *Desk) Chunks() []Serve {
	var list []Serve
	for _, w := range d.waiting {
		if w.Kind == transfer.KindChunk {
			list = append(list, w.Serve)
		}
	}
	return list
}

// PeerLost releases all that a peer wanted.
func (d *Desk) PeerLost(peer string) {
	for key, n := range d.reading {
		if key.peer == peer {
			d.bytes -= n
			delete(d.reading, key)
		}
	}
	d.waiting = slices.DeleteFunc(d.waiting, func(s serving) bool { return s.Peer == peer })
}

// Take returns the next request to read.
func (d *Desk) Take() (Serve, bool) {
	if len(d.waiting) == 0 {
		return Serve{}, false
	}
	next := d.waiting[0]
	size := int64(next.Size)
	if next.Kind == transfer.KindManifest {
		size = 1 << 20 // the true size is known only when it was read; this is what most need
	}
	if d.bytes > 0 && d.bytes+size > deskBytes {
		return Serve{}, false
	}
	d.waiting = slices.Delete(d.waiting, 0, 1)
	d.reading[servingKey{next.Peer, next.Request}] = size
	d.bytes += size
	return next.Serve, true
}
