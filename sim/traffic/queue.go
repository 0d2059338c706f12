// SPDX-License-Identifier: Apache-2.0

package traffic

// A queue is a ring of numbers, first in first out. Its length is a power of two.
type queue struct {
	items      []uint64
	head, tail uint64
}

func (q *queue) empty() bool   { return q.head == q.tail }
func (q *queue) first() uint64 { return q.items[q.head&uint64(len(q.items)-1)] }
func (q *queue) drop()         { q.head++ }
func (q *queue) clear()        { q.head = q.tail }

func (q *queue) push(v uint64) {
	if q.tail-q.head == uint64(len(q.items)) {
		items := make([]uint64, 2*len(q.items))
		for i := q.head; i != q.tail; i++ {
			items[i&uint64(len(items)-1)] = q.items[i&uint64(len(q.items)-1)]
		}
		q.items = items
	}
	q.items[q.tail&uint64(len(q.items)-1)] = v
	q.tail++
}
