// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"slices"
	"time"
)

// tick is a millisecond since the beginning.
type tick int64

func ticks(d time.Duration) tick { return tick((d + time.Millisecond - 1) / time.Millisecond) }

func (t tick) duration() time.Duration { return time.Duration(t) * time.Millisecond }

// agenda holds what will happen, by the tick at which it does. What is planned for one tick happens in the order in
// which it was planned.
type agenda struct {
	at    map[tick][]func()
	order []tick // a heap of the keys of at
}

func newAgenda() *agenda { return &agenda{at: map[tick][]func(){}} }

func (a *agenda) plan(at tick, do func()) {
	list, known := a.at[at]
	a.at[at] = append(list, do)
	if known {
		return
	}
	a.order = append(a.order, at)
	for i := len(a.order) - 1; i > 0; {
		parent := (i - 1) / 2
		if a.order[parent] <= a.order[i] {
			break
		}
		a.order[parent], a.order[i] = a.order[i], a.order[parent]
		i = parent
	}
}

// next is the tick of what happens first.
func (a *agenda) next() (tick, bool) {
	if len(a.order) == 0 {
		return 0, false
	}
	return a.order[0], true
}

// take removes and returns what happens at the first tick.
func (a *agenda) take() []func() {
	at := a.order[0]
	last := len(a.order) - 1
	a.order[0] = a.order[last]
	a.order = a.order[:last]
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < last && a.order[child] < a.order[least] {
				least = child
			}
		}
		if least == i {
			break
		}
		a.order[i], a.order[least] = a.order[least], a.order[i]
		i = least
	}
	list := a.at[at]
	delete(a.at, at)
	return slices.Clip(list)
}
