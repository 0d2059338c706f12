// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/transfer"
)

// orders is what the operator wants of this host, and how far the exchange with the hub has come.
type orders struct {
	book    *desired.Book
	differs bool          // the hub wants to hear the digest
	wants   []desired.Key // and these documents
	hurries int           // exchanges at once since the last in its turn that brought no news
	change  time.Time     // when something ends by itself next; zero: never

	settings policy.Settings // as they hold
}

// maxHurries bounds the exchanges that follow one another at once and bring nothing.
const maxHurries = 3

// Ordered: documents of desired state came, in any order and number. What is news is durable before it is obeyed.
func (c *Core) Ordered(now time.Time, raws [][]byte) {
	var news []desired.Document
	for _, raw := range raws {
		d, err := c.orders.book.Heard(now, raw)
		if err != nil {
			continue // nothing new, or nothing for this host
		}
		c.do(Record{Key: keyDesired + d.Key().String(), Value: raw})
		news = append(news, d)
	}
	if len(news) == 0 {
		return
	}
	c.orders.hurries = 0
	c.obeyOrders(now)
	for _, d := range news {
		if d.Kind == desired.Location {
			c.located(now, d)
		}
		c.obeyed(now, d)
	}
}

// restoreOrder takes what was verified before it was written, unless it is for where this host was before.
func (c *Core) restoreOrder(now time.Time, key string, raw []byte) error {
	d, err := c.orders.book.Heard(now, raw)
	if errors.Is(err, desired.ErrElsewhere) || errors.Is(err, desired.ErrExpired) {
		c.do(Record{Key: key})
		return nil
	}
	if err == nil && d.Kind == desired.Location {
		c.located(now, d)
	}
	return err
}

// subject is a flow as selectors see it.
func (c *Core) subject(f *flow) desired.Subject {
	x := desired.Subject{Location: c.cfg.Self.Location, Peer: c.cfg.Self.Peer, Name: f.ref}
	if id, err := content.ParseID(f.ref); err == nil {
		x.Content, x.Name = id, ""
	}
	if h := c.holdings[f.content]; f.known && h != nil {
		x.Content, x.Name, x.Type = f.content, h.manifest.Name, h.manifest.Type
	}
	return x
}

func (c *Core) verdict(now time.Time, f *flow) desired.Verdict {
	return c.orders.book.On(now, c.subject(f))
}

// effective is the priority of a flow: what the operator says comes before what it was asked for with.
func (c *Core) effective(now time.Time, f *flow) int {
	if v := c.verdict(now, f); v.Prioritized {
		return v.Priority
	}
	return f.priority
}

// since is when a flow began, as versions count it.
func (f *flow) since() uint64 {
	if f.order != 0 {
		return f.order
	}
	return uint64(max(f.created.UnixMicro(), 0))
}

// obeyOrders makes the flows what is ordered now.
func (c *Core) obeyOrders(now time.Time) {
	for _, key := range c.orders.book.Forget(now) {
		c.do(Record{Key: keyDesired + key.String()})
	}
	c.obeyPolicies(now)
	for _, f := range c.openFlows() {
		c.endIfCancelled(now, f)
	}
	c.hold(now)
	seen := map[content.ID]bool{}
	for _, f := range c.openFlows() {
		if f.known && !seen[f.content] {
			seen[f.content] = true
			c.reconcile(now, f.content)
		}
	}
	for _, p := range sortedKeys(c.peers) {
		if c.orders.book.Revoked(now, p) {
			c.do(Hangup{Peer: p})
		}
	}
	if _, stopped := c.orders.book.Stopped(now); stopped {
		c.clearDesk(transfer.ReasonPaused)
	}
	c.orders.change = c.orders.book.Change(now)
}

// ordersIfDue obeys when something has ended by itself.
func (c *Core) ordersIfDue(now time.Time) {
	if t := c.orders.change; !t.IsZero() && !now.Before(t) {
		c.obeyOrders(now)
	}
}

func (c *Core) endIfCancelled(now time.Time, f *flow) {
	if d, ok := c.orders.book.Cancelled(now, c.subject(f), f.since()); ok {
		c.finish(now, f, api.StateCancelled, "", "cancelled by order "+desired.EntryID(d.Version))
	}
}

// hold begins a flow for each order that has none yet, and ends those whose order was replaced or taken back.
func (c *Core) hold(now time.Time) {
	if c.cfg.Self.Role == fleet.RoleHub {
		return // it has all that is published
	}
	var standing []desired.Document
	for _, d := range c.orders.book.Orders(now, c.cfg.Self) {
		x := desired.Subject{Location: c.cfg.Self.Location, Peer: c.cfg.Self.Peer, Content: d.Order.Content, Name: d.Name}
		if _, cancelled := c.orders.book.Cancelled(now, x, d.Version); !cancelled {
			standing = append(standing, d)
		}
	}
	begun := map[uint64]bool{}
	for _, id := range c.order {
		f := c.flows[id]
		begun[f.order] = true
		if f.order != 0 && !f.ended() && !slices.ContainsFunc(standing, func(d desired.Document) bool { return d.Version == f.order }) {
			c.finish(now, f, api.StateCancelled, "", "its order was cancelled, replaced or taken back")
		}
	}
	for _, d := range standing {
		if !begun[d.Version] {
			w, _ := window.Parse(d.Order.Window) // the hub has read it
			c.begin(now, api.Get{Ref: d.Order.Content.String(), Priority: d.Order.Priority},
				plan{stage: true, by: d.Order.By, window: w, order: d.Version})
		}
	}
}

// pausedBy says who pauses a flow, for people; empty: nobody.
func (c *Core) pausedBy(now time.Time, f *flow) string {
	d := c.verdict(now, f).Paused
	if d == nil {
		return ""
	}
	s := fmt.Sprintf("paused by order %s of %s for %s", desired.EntryID(d.Version), d.Issued.Format(time.RFC3339), d.Scope)
	if !d.Until.IsZero() {
		s += ", until " + d.Until.UTC().Format(time.RFC3339)
	}
	return s
}

// saidOrders is this host's part of the exchange.
func (c *Core) saidOrders() *fleet.Desired {
	said := &fleet.Desired{Root: c.orders.book.Root(c.cfg.Self).String()}
	if c.orders.differs {
		said.Digest = c.orders.book.Digest(c.cfg.Self)
	}
	said.Documents = c.orders.book.Raw(c.orders.wants)
	return said
}

// toldOrders takes the hub's part, and asks for another exchange at once where there is more to be said.
func (c *Core) toldOrders(now time.Time, r *fleet.DesiredReply) {
	c.orders.differs, c.orders.wants = false, nil
	if r == nil {
		c.orders.hurries = 0
		return
	}
	c.orders.differs = r.Differs
	for _, text := range r.Wants {
		if key, err := desired.ParseKey(text); err == nil && len(c.orders.wants) < fleet.MaxHanded {
			c.orders.wants = append(c.orders.wants, key)
		}
	}
	c.orders.hurries++
	c.Ordered(now, r.Documents)
	if (c.orders.differs || len(c.orders.wants) > 0) && c.orders.hurries <= maxHurries {
		c.hub.nextSync = now
	}
}
