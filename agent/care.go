// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
)

func noContent(ref string) error {
	return &api.Problem{Title: fmt.Sprintf("no content %q is known here", ref), Status: 404, Code: api.CodeNotFound, Hint: "ebb content ls"}
}

// find is a content by its id or by the name that stands for it.
func (c *Core) find(ref string) *holding {
	id, err := content.ParseID(ref)
	if err != nil {
		id, _ = c.names.Newest(ref)
	}
	return c.holdings[id]
}

// Pin keeps a content whatever room is needed, or no longer. It survives a restart.
func (c *Core) Pin(_ time.Time, ref string, on bool) error {
	h := c.find(ref)
	if h == nil {
		return noContent(ref)
	}
	h.pinned = on
	c.saveItem(h)
	c.keeper.Changed()
	return nil
}

// Remove takes a content off the disk: the chunks of it that no other content has. Dry only says what would go.
func (c *Core) Remove(now time.Time, ref string, dry bool) (api.Removed, error) {
	h := c.find(ref)
	if h == nil {
		return api.Removed{}, noContent(ref)
	}
	blocked := func(why, hint string) error {
		return &api.Problem{Title: fmt.Sprintf("%s is %s", h.manifest.Name, why), Status: 409, Code: api.CodePaused, Hint: hint}
	}
	switch x := c.item(now, h); {
	case x.Needed:
		return api.Removed{}, blocked("wanted by a flow", "ebb flow ls, and end it with: ebb flow cancel FLOW")
	case x.Pinned:
		return api.Removed{}, blocked("pinned", "ebb content unpin "+ref)
	}
	r := c.shelf(now).Pick(everything, everything, func(x cache.Item) bool { return x.ID == h.id })
	return c.taken(now, r, dry), nil
}

// Collect takes off the disk what nobody is likely to miss: superseded versions, what is too old, and strays; then, in
// the order in which things go, until so many bytes are freed.
func (c *Core) Collect(now time.Time, bytes int64, dry bool) api.Removed {
	lived := c.keeper.Lived()
	s := c.shelf(now)
	r := s.Pick(everything, everything, func(x cache.Item) bool { return x.Superseded || c.keeper.Limits().Stale(x, lived) })
	if more := s.Pick(bytes, everything, nil); more.Bytes > r.Bytes {
		r = more
	}
	return c.taken(now, r, dry)
}

func (c *Core) taken(now time.Time, r cache.Removal, dry bool) api.Removed {
	out := api.Removed{Chunks: len(r.Chunks), Bytes: r.Bytes, DryRun: dry, Contents: []api.Content{}}
	for _, id := range r.Items {
		if h := c.holdings[id]; h != nil {
			out.Contents = append(out.Contents, h.view())
		}
	}
	if !dry && len(r.Chunks) > 0 {
		c.keeper.Remove(r)
		c.discard(now, r)
	}
	return out
}

// Limits are those of the cache, and how it stands with them.
func (c *Core) Limits() api.Cache {
	stored := c.stored()
	out := api.Cache{Bytes: stored, Floor: c.keeper.Floor(), Free: c.keeper.Free(stored), Total: c.keeper.Total(), Strays: c.strays.bytes,
		MaxAge: c.keeper.Limits().MaxAge.Seconds(), Items: []api.Shelved{}}
	if q := c.keeper.Quota(); q < everything {
		out.Quota = &q
	}
	return out
}

// Cache lists what is held in the order in which it goes, with the limits.
func (c *Core) Cache(now time.Time) api.Cache {
	out := c.Limits()
	for _, x := range c.shelf(now).Sorted() {
		h := c.holdings[x.ID]
		if h == nil {
			continue // strays
		}
		out.Items = append(out.Items, api.Shelved{Content: h.view(), Bytes: h.onDisk, Superseded: x.Superseded, Pinned: x.Pinned, Needed: x.Needed,
			Last: x.Last, Unused: (c.keeper.Lived() - x.Used).Seconds()})
	}
	return out
}
