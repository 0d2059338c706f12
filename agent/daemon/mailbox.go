// SPDX-License-Identifier: Apache-2.0

package daemon

import "sync"

// mailbox hands things to one goroutine without ever blocking the sender. What bounds it is said in the package comment.
type mailbox[T any] struct {
	mu     sync.Mutex
	items  []T
	signal chan struct{} // capacity 1: there may be something
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{signal: make(chan struct{}, 1)} }

func (m *mailbox[T]) put(item T) {
	m.mu.Lock()
	m.items = append(m.items, item)
	m.mu.Unlock()
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// all takes everything that is there.
func (m *mailbox[T]) all() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	items := m.items
	m.items = nil
	return items
}

// one takes the first item; more says that others wait.
func (m *mailbox[T]) one() (item T, ok, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) == 0 {
		return item, false, false
	}
	item = m.items[0]
	var zero T
	m.items[0] = zero
	m.items = m.items[1:]
	return item, true, len(m.items) > 0
}

// wake signals again, for the next of several takers.
func (m *mailbox[T]) wake() {
	select {
	case m.signal <- struct{}{}:
	default:
	}
}
