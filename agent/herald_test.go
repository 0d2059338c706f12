// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"testing"

	"github.com/ebbproject/ebb/content"
)

// A few hear of a new chunk at once, other ones for each chunk, so that each is first about as often.
func TestHeraldSpreadsTheNews(t *testing.T) {
	h := Herald{Self: "server"}
	var followers []string
	for i := range 16 {
		followers = append(followers, fmt.Sprintf("till-%02d", i))
	}
	first := map[string]int{}
	for i := range 1000 {
		told := h.Gained(epoch, content.Sum([]byte("image")), i, followers)
		if len(told) != heardFirst {
			t.Fatalf("%d hear of it at once", len(told))
		}
		for _, name := range told {
			first[name]++
		}
	}
	for _, name := range followers {
		if n, fair := first[name], 1000*heardFirst/16; n < fair*3/4 || n > fair*5/4 {
			t.Errorf("%s is first %d times, fair is %d", name, n, fair)
		}
	}
	if _, ok := h.take(epoch); ok || !h.Deadline().Equal(epoch.Add(heardAfter)) {
		t.Error("the others are told at once too")
	}
	n := 0
	for _, ok := h.take(epoch.Add(heardAfter)); ok; _, ok = h.take(epoch.Add(heardAfter)) {
		n++
	}
	if n != 1000 || !h.Deadline().IsZero() {
		t.Errorf("%d chunks are told of late", n)
	}
	if few := h.Gained(epoch, content.ID{}, 0, followers[:heardFirst+1]); len(few) != heardFirst+1 {
		t.Errorf("of five followers only %d hear of it at once", len(few))
	}
}

// Those that hear of a chunk first tell others than the one who told them would: with each step three times as many have it, and nobody
// sends it to all.
func TestHeraldsTellDifferentHosts(t *testing.T) {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf("till-%02d", i))
	}
	sum := 0
	for chunk := range 100 {
		has := map[string]bool{"till-00": true}
		tellers := []string{"till-00"}
		for range 3 {
			var next []string
			for _, name := range tellers {
				h, missing := Herald{Self: name}, []string{}
				for _, x := range all {
					if x != name && x != "till-00" {
						missing = append(missing, x)
					}
				}
				next = append(next, h.Gained(epoch, content.Sum([]byte("image")), chunk, missing)...)
			}
			for _, name := range next {
				has[name] = true
			}
			tellers = next
		}
		sum += len(has)
	}
	if mean := sum / 100; mean < 22 { // 1 + 3 + 9 + 27, less those that hear it twice
		t.Errorf("%d of 40 have heard of a chunk after three steps", mean)
	}
}
