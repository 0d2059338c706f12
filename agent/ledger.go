// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/transfer"
)

// Records of the ledger, which is written when news is exchanged with the hub, every 2 to 12 s, and when the process ends: a kill loses
// what was counted since. The epoch is written first; the rest belongs to it.
const (
	keyEpoch   = keyLedger + "epoch"
	keyEntry   = keyLedger + "entry/"
	keyPartner = keyLedger + "peer/"
)

func newLedger(seed uint64) *ledger.Book {
	return ledger.NewBook(fmt.Sprintf("%016x", rand.New(rand.NewPCG(seed, 0x6c6564676572)).Uint64()))
}

// Movement is what went over the conversation with a peer since the last one.
type Movement struct {
	Peer                   fleet.Identity
	Accounts               []transfer.Account
	WireSent, WireReceived int64 // bytes of datagrams
}

// Moved: so much was sent to and received from a peer.
func (c *Core) Moved(m Movement) {
	in, out := c.way(m.Peer.Role, m.Peer.Location)
	p := ledger.Partner{Peer: m.Peer.Peer, Location: m.Peer.Location, Class: in.Class, WireSent: m.WireSent, WireReceived: m.WireReceived}
	for _, a := range m.Accounts {
		in.Content, out.Content = a.Content, a.Content
		c.ledger.Added(in, ledger.Counts{Received: a.Received, Canceled: a.Canceled, Duplicate: a.Duplicate})
		c.ledger.Added(out, ledger.Counts{Sent: a.Sent})
		p.Received += a.Received
		p.Sent += a.Sent
	}
	if p.Received+p.Sent+p.WireReceived+p.WireSent > 0 {
		c.ledger.Met(p)
	}
}

// way is where bytes from and to a host of that role and location are entered. What the hub sends is origin to both ends.
func (c *Core) way(role fleet.Role, location string) (in, out ledger.Key) {
	here := c.cfg.Self.Location
	in = ledger.Key{From: location, To: here, Class: crossed(role, location, here)}
	out = ledger.Key{From: here, To: location, Class: crossed(c.cfg.Self.Role, here, location)}
	return in, out
}

func crossed(sender fleet.Role, from, to string) ledger.Class {
	switch {
	case sender == fleet.RoleHub:
		return ledger.Origin
	case from == to:
		return ledger.LAN
	}
	return ledger.WAN
}

// judge enters what became of a chunk that has arrived whole.
func (c *Core) judge(a Arrival, wanted bool) {
	n := int64(len(a.Data))
	switch {
	case !a.Good:
		c.counts.Rejected[RejectedHash]++
		c.enter(a.Peer, a.Content, ledger.Counts{Rejected: n})
	case wanted:
		c.enter(a.Peer, a.Content, ledger.Counts{Verified: n})
	case c.cfg.Held(a.ID):
		c.enter(a.Peer, a.Content, ledger.Counts{Duplicate: n})
	default:
		c.enter(a.Peer, a.Content, ledger.Counts{Canceled: n})
	}
}

func (c *Core) judgeManifest(a ask, size int, good bool) {
	if !good {
		c.counts.Rejected[RejectedManifest]++
		c.enter(a.peer, a.id, ledger.Counts{Rejected: int64(size)})
		return
	}
	c.enter(a.peer, a.id, ledger.Counts{Verified: int64(size)})
}

func (c *Core) enter(peer string, id content.ID, what ledger.Counts) {
	if p := c.book.people[peer]; p != nil {
		in, _ := c.way(p.Role, p.Location)
		in.Content = id
		c.ledger.Added(in, what)
	}
}

// contentFor is the content for which a peer is likely to want something: one that it follows. Of several the first by id.
func (c *Core) contentFor(s Serve) content.ID {
	if s.Kind == transfer.KindManifest {
		return s.ID
	}
	p := c.peers[s.Peer]
	found, followed := content.ID{}, false
	for _, h := range c.holdings { // in any order: the least wins
		if i, ok := h.index(s.ID); !ok || !h.have[i] {
			continue
		}
		follows := p != nil && p.follows[h.id]
		if found.IsZero() || follows && !followed || follows == followed && h.id.Compare(found) < 0 {
			found, followed = h.id, follows
		}
	}
	return found
}

// saveLedger writes what has changed.
func (c *Core) saveLedger() {
	entries, partners := c.ledger.Unsaved()
	if len(entries) > 0 && !c.epochSaved {
		c.record(keyEpoch, c.ledger.Epoch())
		c.epochSaved = true
	}
	for _, e := range entries {
		c.record(keyEntry+e.Key.String(), e)
	}
	for _, p := range partners {
		c.record(keyPartner+p.Peer, p)
	}
}

// restoreEpoch begins where the journal left off.
func (c *Core) restoreEpoch(value []byte) error {
	var epoch string
	if err := json.Unmarshal(value, &epoch); err != nil {
		return err
	}
	if !ledger.ValidEpoch(epoch) {
		return fmt.Errorf("%q is not an epoch", epoch)
	}
	c.ledger, c.epochSaved = ledger.NewBook(epoch), true
	return nil
}

// restoreLedger reads one record of it. Lines without an epoch are of no use: they would be counted twice.
func (c *Core) restoreLedger(key string, value []byte) error {
	switch {
	case !c.epochSaved || key == keyEpoch:
		return nil
	case strings.HasPrefix(key, keyPartner):
		var p ledger.Partner
		if err := json.Unmarshal(value, &p); err != nil {
			return err
		}
		c.ledger.RestoredPartner(p)
		return nil
	}
	var e ledger.Entry
	if err := json.Unmarshal(value, &e); err != nil {
		return err
	}
	if keyEntry+e.Key.String() != key {
		return fmt.Errorf("holds the entry %s", e.Key)
	}
	c.ledger.Restored(e)
	return nil
}

// Closing: the process ends in order. What Take gives after it are the last records.
func (c *Core) Closing() {
	c.ledger.Closed()
	c.saveLedger()
}

// Ledger is what this host has counted in this life of its journal.
func (c *Core) Ledger() ([]ledger.Entry, []ledger.Partner) {
	return c.ledger.Entries(), c.ledger.Partners()
}

// LedgerPage is the same as a document.
func (c *Core) LedgerPage() *api.Ledger {
	totals := ledger.NewTotals()
	for _, e := range c.ledger.Entries() {
		totals.Reported(ledger.Counts{}, e)
	}
	return api.NewLedger(totals, c.ledger.Partners(), func(id content.ID) (d api.Described) {
		if h := c.holdings[id]; h != nil {
			d.Name, d.Type = h.manifest.Name, h.manifest.Type
		}
		return d
	})
}
