// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/topology"
)

// place is where this host is, as its hub told: of the subnet in its answers, of the location in a document of desired state. Both are in
// the journal, so that after a restart without the hub a host on a VPN still shares with nobody.
type place struct {
	told fleet.Place
	word *topology.Word // nil: nothing is said of the location, or nothing that is understood here
}

// savedPlace is what the hub told in an answer, in the journal. It counts only in that location.
type savedPlace struct {
	Location string     `json:"location"`
	Subnet   string     `json:"subnet,omitempty"`
	Link     fleet.Link `json:"link,omitempty"`
}

// placed: the hub told in an answer what network this host is on.
func (c *Core) placed(told fleet.Place) {
	if told.Subnet != c.place.told.Subnet || told.Link != c.place.told.Link {
		c.record(keyPlace, savedPlace{c.cfg.Self.Location, told.Subnet, told.Link})
	}
	c.place.told = told
	c.settle()
}

// located: something new is said of the location of this host.
func (c *Core) located(now time.Time, d desired.Document) {
	c.place.word = nil
	if word, err := topology.ParseWord(d.Location); !d.Void && err == nil && word.Name == c.cfg.Self.Location { // what is not understood is kept for those who do
		c.place.word = word
	}
	c.settle()
	c.classify(now)
	c.locationKnown(now)
}

// settle takes this host to be where the two say. What the document says of the location comes before what was told of it.
func (c *Core) settle() {
	if c.place.word != nil {
		c.book.Placed(c.place.word.Place(c.place.told))
		return
	}
	c.book.Placed(c.place.told)
}

// restorePlace takes what was told before, unless this host was elsewhere then.
func (c *Core) restorePlace(value []byte) error {
	var s savedPlace
	if err := json.Unmarshal(value, &s); err != nil {
		return fmt.Errorf("where this host is: %w", err)
	}
	if s.Location != c.cfg.Self.Location {
		c.do(Record{Key: keyPlace})
		return nil
	}
	c.place.told = fleet.Place{Subnet: s.Subnet, Link: s.Link}
	c.settle()
	return nil
}
