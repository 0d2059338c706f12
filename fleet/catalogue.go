// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"github.com/ebbproject/ebb/content"
)

// Version is one content that was published under a name.
type Version struct {
	Content content.ID
	Created time.Time // as its publisher signed it
}

// Supersedes orders the versions of a name: by the signed time of making, and by id between equals, so that all hosts
// agree whatever they hear first.
func (v Version) Supersedes(old Version) bool {
	if !v.Created.Equal(old.Created) {
		return v.Created.After(old.Created)
	}
	return v.Content.Compare(old.Content) > 0
}

// Catalogue knows what each name stands for: the newest version ever published under it. A name never goes back.
type Catalogue struct {
	newest map[string]Version
}

// NewCatalogue is an empty one.
func NewCatalogue() *Catalogue { return &Catalogue{newest: map[string]Version{}} }

// Published enters a version and reports whether the name now stands for it.
func (c *Catalogue) Published(name string, v Version) bool {
	old, known := c.newest[name]
	if known && v != old && !v.Supersedes(old) {
		return false
	}
	c.newest[name] = v
	return true
}

// Newest is what the name stands for.
func (c *Catalogue) Newest(name string) (content.ID, bool) {
	v, ok := c.newest[name]
	return v.Content, ok
}

// Current reports whether a name stands for the content.
func (c *Catalogue) Current(id content.ID) bool {
	for _, v := range c.newest {
		if v.Content == id {
			return true
		}
	}
	return false
}
