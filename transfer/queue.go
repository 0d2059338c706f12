// SPDX-License-Identifier: Apache-2.0

package transfer

import "slices"

// queue is first in, first out. Its memory follows what it holds.
type queue[T any] struct {
	items []T
	head  int // items before it are gone
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v T) {
	if q.head > 0 && len(q.items) == cap(q.items) {
		q.items = slices.Delete(q.items, 0, q.head)
		q.head = 0
	}
	q.items = append(q.items, v)
}

// front is the first item of a queue that is not empty.
func (q *queue[T]) front() T { return q.items[q.head] }

func (q *queue[T]) pop() (v T, ok bool) {
	if q.len() == 0 {
		return v, false
	}
	var zero T
	v, q.items[q.head] = q.items[q.head], zero
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v, true
}

// drop takes out the first item that matches and says whether there was one.
func (q *queue[T]) drop(match func(T) bool) bool {
	i := slices.IndexFunc(q.items[q.head:], match)
	if i < 0 {
		return false
	}
	q.items = slices.Delete(q.items, q.head+i, q.head+i+1)
	return true
}
