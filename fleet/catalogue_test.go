// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

func TestNameStandsForTheNewest(t *testing.T) {
	c := NewCatalogue()
	if id, ok := c.Newest("image"); ok {
		t.Fatalf("nothing was published, and the name stands for %s", id)
	}
	old := Version{content.ID{9}, morning}
	now := Version{content.ID{1}, morning.Add(time.Second)}
	if !c.Published("image", old) || !c.Published("image", now) || c.Published("image", old) || !c.Published("image", now) {
		t.Error("the older is not superseded, or it came back")
	}
	if id, ok := c.Newest("image"); !ok || id != now.Content {
		t.Errorf("%s, %v", id, ok)
	}
	if _, ok := c.Newest("other"); ok {
		t.Error("a name that was never published")
	}
}

// Hosts hear of versions in any order, some twice, and agree; on the way no name goes back.
func TestAllHostsAgreeOnTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Version {
			return Version{content.ID{rapid.Byte().Draw(t, "id")}, morning.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "s")) * time.Second)}
		}), 1, 12).Draw(t, "versions")
		here, there := NewCatalogue(), NewCatalogue()
		var last Version
		for i, v := range versions {
			here.Published("n", v)
			now := here.newest["n"]
			if i > 0 && last != now && !now.Supersedes(last) {
				t.Fatalf("went from %v back to %v", last, now)
			}
			last = now
		}
		shuffled := rapid.Permutation(append(slices.Clone(versions), versions[0])).Draw(t, "there")
		for _, v := range shuffled {
			there.Published("n", v)
		}
		if here.newest["n"] != there.newest["n"] {
			t.Fatalf("%v here, %v there", here.newest["n"], there.newest["n"])
		}
	})
}
