// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"testing"
	"time"
)

// Only who was there before the attempt and was heard after it is apart.
func TestWhoIsApart(t *testing.T) {
	const sec = time.Second
	for what, x := range map[string]struct {
		born, seen time.Duration // of the neighbour, since the morning; the attempt begins at 60 s and is told at 70 s
		at         string        // its location
		link       Link
		asked      time.Duration
		want       bool
	}{
		"both sides live":                    {0, 66 * sec, "berlin", "", 70 * sec, true},
		"heard long after":                   {0, 110 * sec, "berlin", "", 110 * sec, true},
		"it died before":                     {0, 59 * sec, "berlin", "", 70 * sec, false},
		"its last letter came late":          {0, 64 * sec, "berlin", "", 70 * sec, false},
		"it was started again after":         {61 * sec, 100 * sec, "berlin", "", 100 * sec, false},
		"it was started again just before":   {56 * sec, 100 * sec, "berlin", "", 100 * sec, false},
		"it died long ago":                   {0, 66 * sec, "berlin", "", 66*sec + SilentAfter, false},
		"it lives elsewhere":                 {0, 66 * sec, "oslo", "", 70 * sec, false},
		"it is on a VPN and shares nothing":  {0, 66 * sec, "berlin", VPN, 70 * sec, false},
		"nothing was ever heard of it":       {-1, 0, "", "", 70 * sec, false},
		"it lives, and who tried died since": {0, 200 * sec, "berlin", "", 200 * sec, false},
	} {
		d := NewDirectory(theHub)
		a, b := host("berlin", "a"), host(x.at, "b")
		say := func(now time.Duration, id Identity, r SyncRequest) {
			r.Instance = id.Peer + "1"
			d.Announced(morning.Add(now), id, r)
			d.Placed(id.Peer, Place{Link: map[string]Link{"b": x.link}[id.Peer]})
		}
		type said struct {
			at time.Duration
			do func()
		}
		story := []said{{0, func() { say(0, a, SyncRequest{}) }}, {70 * sec, func() {
			say(70*sec, a, SyncRequest{Unanswered: []Unanswered{{"b", 10_000}, {"b", 10_000}, {"nobody", 3}}})
		}}}
		if x.born >= 0 {
			story = append(story, said{x.born, func() { say(x.born, b, SyncRequest{}) }}, said{x.seen, func() { say(x.seen, b, SyncRequest{}) }})
		}
		slices.SortStableFunc(story, func(p, q said) int { return int(p.at - q.at) })
		for _, s := range story {
			s.do()
		}
		now := morning.Add(x.asked)
		if got := d.Apart(now, "a"); slices.Equal(got, []string{"b"}) != x.want || len(got) > 1 {
			t.Errorf("%s: apart are %v, want that: %v", what, got, x.want)
		}
		if n := d.Divided(now); (n["berlin"] == 2) != x.want || !x.want && len(n) != 0 {
			t.Errorf("%s: divided are %v", what, n)
		}
	}
}

// What a host does not say any more is over, and the hub tells it of those alone of whom it asked.
func TestApartUntilItAnswers(t *testing.T) {
	d := NewDirectory(theHub)
	a := host("berlin", "a")
	say := func(now time.Duration, id Identity, r SyncRequest) SyncReply {
		r.Instance = id.Peer
		return d.Answer(morning.Add(now), id, r, d.Announced(morning.Add(now), id, r))
	}
	say(0, a, SyncRequest{})
	say(0, host("berlin", "b"), SyncRequest{})
	say(40*time.Second, host("berlin", "b"), SyncRequest{})
	r := say(40*time.Second, a, SyncRequest{Unanswered: []Unanswered{{"b", 20_000}}})
	if !r.TakesUnanswered || !slices.Equal(r.Apart, []string{"b"}) {
		t.Errorf("it hears of %v (%v)", r.Apart, r.TakesUnanswered)
	}
	if r = say(42*time.Second, a, SyncRequest{}); r.Apart != nil || len(d.Divided(morning.Add(42*time.Second))) != 0 {
		t.Errorf("when it answers again it hears of %v", r.Apart)
	}
}

// One attempt after the other fails: the two are apart all the time, and not any more soon after one of them has died.
func TestApartAttemptAfterAttempt(t *testing.T) {
	d := NewDirectory(theHub)
	a, b := host("berlin", "a"), host("berlin", "b")
	var told []int // seconds
	for now := range 300 {
		at := morning.Add(time.Duration(now) * time.Second)
		if now%10 == 0 && now < 200 {
			d.Announced(at, b, SyncRequest{Instance: "b"})
		}
		if now%3 == 0 {
			r := SyncRequest{Instance: "a"}
			if now >= 60 { // an attempt every 17 s
				r.Unanswered = []Unanswered{{"b", int64(now%17) * 1000}}
			}
			d.Announced(at, a, r)
		}
		if len(d.Apart(at, "a")) > 0 {
			told = append(told, now)
		}
	}
	first, last := told[0], told[len(told)-1]
	if first > 60+20 || last-first+1 != len(told) {
		t.Errorf("they are apart from 60 s on, and told so %d times between %d and %d s", len(told), first, last)
	}
	if last < 195 || last > 190+17+20 {
		t.Errorf("the last word of the other came at 190 s, and it is told until %d s", last)
	}
}
