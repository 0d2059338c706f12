// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"time"

	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
)

// shelfEvery is how often ages are written down: so much of them a kill may cost.
const shelfEvery = time.Hour

// savedClock is the keeper's clock in the journal.
type savedClock struct {
	Lived float64   `json:"lived_seconds"`
	Seen  time.Time `json:"seen"`
}

// savedShelf is what the journal remembers of a content beside its manifest.
type savedShelf struct {
	Used   float64 `json:"used_seconds"` // on the clock
	Pinned bool    `json:"pinned,omitempty"`
}

// saveShelf writes down ages now and then.
func (c *Core) saveShelf(now time.Time) {
	lived := c.keeper.Lived()
	if c.shelfSaved > 0 && lived-c.shelfSaved < shelfEvery {
		return
	}
	c.shelfSaved = max(lived, 1)
	c.record(keyClock, savedClock{Lived: lived.Seconds(), Seen: now.UTC()})
	for _, h := range c.sortedHoldings() {
		if h.used > h.saved {
			c.saveItem(h)
		}
	}
}

func (c *Core) saveItem(h *holding) {
	h.saved = h.used
	c.record(keyShelf+h.id.String(), savedShelf{Used: h.used.Seconds(), Pinned: h.pinned})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// restoreClock comes before anything that has an age.
func (c *Core) restoreClock(now time.Time, value []byte) error {
	var s savedClock
	if err := json.Unmarshal(value, &s); err != nil {
		return err
	}
	c.keeper.Remembered(now, cache.Restored(seconds(s.Lived), s.Seen))
	return nil
}

func (c *Core) restoreShelf(key string, value []byte) error {
	id, err := content.ParseID(key)
	if err != nil {
		return err
	}
	var s savedShelf
	if err := json.Unmarshal(value, &s); err != nil {
		return err
	}
	if h := c.holdings[id]; h != nil {
		h.used, h.pinned = min(max(seconds(s.Used), 0), c.keeper.Lived()), s.Pinned
		h.saved = h.used
	}
	return nil
}
