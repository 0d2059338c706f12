// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

func always(content.ID) bool { return true }

func inBerlin(n int) Identity { return Identity{Peer: fmt.Sprintf("p%d", n), Location: "berlin"} }

// Of all that hold a content the same one comes first for everybody, and with it exactly as many keep it as are wanted.
func TestTheSameFewKeepAContent(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c, x := NewCopies(), content.Sum([]byte("x"))
	places := map[int]bool{}
	for round := range 2 { // in the second all are known
		for n := range 5 {
			r := c.Told(now, inBerlin(n), CopiesRequest{Kept: []content.ID{x}, Replicas: 1}, always)
			if round == 1 {
				places[r.Ahead[0]] = true
			}
		}
	}
	if len(places) != 5 || !places[0] || !places[4] {
		t.Errorf("places %v", places)
	}
	if r := c.Told(now, Identity{Peer: "elsewhere", Location: "oslo"}, CopiesRequest{Kept: []content.ID{x}, Replicas: 1}, always); r.Ahead[0] != 0 {
		t.Errorf("copies in another location count: %d", r.Ahead[0])
	}
	r := c.Told(now.Add(copiesFor+time.Second), inBerlin(1), CopiesRequest{Kept: []content.ID{x}, Replicas: 1}, always)
	if r.Ahead[0] != 0 {
		t.Errorf("%d silent hosts count", r.Ahead[0])
	}
}

// Where copies are lacking, exactly as many hosts are asked to fetch one as are missing.
func TestAsManyFetchAsCopiesAreMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		c, x := NewCopies(), content.Sum([]byte("x"))
		hosts, holders, replicas := rapid.IntRange(1, 9).Draw(t, "hosts"), 0, rapid.IntRange(1, 5).Draw(t, "replicas")
		kept := make([][]content.ID, hosts)
		for n := range kept {
			if rapid.Bool().Draw(t, "holds") {
				kept[n], holders = []content.ID{x}, holders+1
			}
		}
		fetch := 0
		for round := range 2 {
			for n := range hosts {
				at := now.Add(time.Duration(round) * copiesFor)
				r := c.Told(at, inBerlin(n), CopiesRequest{Kept: kept[n], Replicas: replicas}, always)
				if round == 0 && len(r.Fetch) > 0 {
					t.Fatal("asked to fetch before everybody has told")
				}
				if round == 1 && slices.Contains(r.Fetch, x) {
					fetch++
					if kept[n] != nil {
						t.Fatal("who holds it is asked to fetch it")
					}
				}
			}
		}
		want := 0
		if holders > 0 {
			want = min(max(replicas-holders, 0), hosts-holders)
		}
		if fetch != want {
			t.Fatalf("%d of %d hosts hold it, %d are to, and %d fetch", holders, hosts, replicas, fetch)
		}
	})
}

func TestOldVersionsAreNotRepaired(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c, x := NewCopies(), content.Sum([]byte("x"))
	c.Told(now, inBerlin(1), CopiesRequest{Kept: []content.ID{x}, Replicas: 3}, always)
	if r := c.Told(now, inBerlin(2), CopiesRequest{Replicas: 3}, always); len(r.Fetch) != 0 {
		t.Errorf("at once: %v", r.Fetch)
	}
	now = now.Add(copiesFor)
	if r := c.Told(now, inBerlin(2), CopiesRequest{Replicas: 3}, always); len(r.Fetch) != 1 {
		t.Errorf("a current one: %v", r.Fetch)
	}
	if r := c.Told(now, inBerlin(2), CopiesRequest{Replicas: 3}, func(content.ID) bool { return false }); len(r.Fetch) != 0 {
		t.Errorf("%v", r.Fetch)
	}
}
