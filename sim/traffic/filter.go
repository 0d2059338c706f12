// SPDX-License-Identifier: Apache-2.0

package traffic

import "time"

// windowed finds the largest value of a sliding window with three candidates, as Kathleen Nichols' filter in Linux (lib/win_minmax.c) does.
// For the smallest value, enter negatives.
type windowed struct {
	best [3]candidate
	used bool
}

type candidate struct {
	at    int64 // a time, or a count of rounds
	value float64
}

func (w *windowed) largest() float64 { return w.best[0].value }

func (w *windowed) reset(at int64, value float64) {
	c := candidate{at, value}
	w.best, w.used = [3]candidate{c, c, c}, true
}

func (w *windowed) add(at, length int64, value float64) {
	if !w.used || value >= w.best[0].value || at-w.best[2].at > length {
		w.reset(at, value)
		return
	}
	c := candidate{at, value}
	if value >= w.best[1].value {
		w.best[1], w.best[2] = c, c
	} else if value >= w.best[2].value {
		w.best[2] = c
	}
	switch age := at - w.best[0].at; {
	case age > length: // the best has left the window: the next ones move up
		w.best[0], w.best[1], w.best[2] = w.best[1], w.best[2], c
		if at-w.best[0].at > length {
			w.best[0], w.best[1], w.best[2] = w.best[1], w.best[2], c
		}
	case w.best[1].at == w.best[0].at && age > length/4:
		w.best[1], w.best[2] = c, c
	case w.best[2].at == w.best[1].at && age > length/2:
		w.best[2] = c
	}
}

// seconds is a duration in seconds.
func seconds(d time.Duration) float64 { return float64(float64(d) * 1e-9) }

// recent is the smallest round trip of a sliding window, exactly: a ring of those that are smaller than all later ones. Its length is a
// power of two.
type recent struct {
	items      []sample
	head, tail uint64
}

type sample struct{ at, rtt time.Duration }

func (m *recent) at(i uint64) *sample { return &m.items[i&uint64(len(m.items)-1)] }

// add enters a round trip and returns the smallest one since a moment.
func (m *recent) add(now, since, rtt time.Duration) time.Duration {
	for m.tail != m.head && m.at(m.tail-1).rtt >= rtt {
		m.tail--
	}
	if m.tail-m.head == uint64(len(m.items)) {
		items := make([]sample, max(64, 2*len(m.items)))
		for i := m.head; i != m.tail; i++ {
			items[i&uint64(len(items)-1)] = *m.at(i)
		}
		m.items = items
	}
	*m.at(m.tail) = sample{now, rtt}
	m.tail++
	for m.at(m.head).at < since {
		m.head++
	}
	return m.at(m.head).rtt
}
