// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"
)

// Hearing is what came of a report.
type Hearing struct {
	Known bool   // the directory knows what the report builds upon
	Again bool   // it does not, and all must be told again
	Twin  string // another host reports under the same identity; this is what it says its address is
}

// twins tells a host that was started again from two hosts with one identity, such as a machine and the clone of its disk.
// Every start of a daemon has an instance of its own. A new one takes over from the last, because a host that was killed
// comes back at once. One that speaks after another took over never died: it is a twin, and what it says of itself does
// not count while the other is there, so that the fleet is not told of two addresses in turn.
type twins struct {
	instance string
	replaced []string // instances that it took over from, the last few
	met      time.Time
	first    string // address of the one that counts, and of the one that does not
	second   string
}

const (
	keptInstances = 4
	// twinFor is how long after the last sign of a twin both hosts are told of it.
	twinFor = 10 * time.Minute
)

// heard takes a report; alive says that the member reported not long ago.
func (t *twins) heard(now time.Time, r SyncRequest, alive bool) Hearing {
	switch {
	case r.Instance == t.instance:
		t.first = r.Lan
		return Hearing{Known: true}
	case alive && slices.Contains(t.replaced, r.Instance):
		t.met, t.second = now, r.Lan
		return Hearing{Twin: orUnknown(t.first)}
	}
	t.replaced = slices.DeleteFunc(t.replaced, func(i string) bool { return i == r.Instance })
	if t.replaced = append(t.replaced, t.instance); len(t.replaced) > keptInstances {
		t.replaced = t.replaced[1:]
	}
	t.instance, t.first = r.Instance, r.Lan
	return Hearing{}
}

// twin is what the member that counts is to hear of the other; empty: nothing.
func (t *twins) twin(now time.Time) string {
	if t.met.IsZero() || now.Sub(t.met) > twinFor {
		return ""
	}
	return orUnknown(t.second)
}

func orUnknown(addr string) string {
	if addr == "" {
		return "an unknown address"
	}
	return addr
}
