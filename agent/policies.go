// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
)

// settings are those of the host without any policy.
func (c Config) settings() policy.Settings {
	return policy.Settings{Rates: c.Gentle.Rates, Budget: c.Budget, Limits: c.Limits}
}

// ruled is what the policies say of a key for this host as a whole. A hub obeys none: what is said is said to endpoints.
func (c *Core) ruled(now time.Time, key string) (desired.Document, bool) {
	return c.ruledOf(now, key, desired.Subject{Location: c.cfg.Self.Location, Peer: c.cfg.Self.Peer})
}

func (c *Core) ruledOf(now time.Time, key string, x desired.Subject) (desired.Document, bool) {
	if c.cfg.Self.Role == fleet.RoleHub {
		return desired.Document{}, false
	}
	return c.orders.book.Policy(now, key, x)
}

// Settings are those that hold.
func (c *Core) Settings() policy.Settings { return c.orders.settings }

// obeyPolicies lets hold what the policies say now. What they say of contents is looked up where it counts.
func (c *Core) obeyPolicies(now time.Time) {
	s := policy.Resolve(c.cfg.settings(), c.cfg.Own, func(key string) (desired.Document, bool) { return c.ruled(now, key) })
	for _, d := range c.orders.book.Policies(now, policy.MaxAge) {
		s.Limits.Apart = s.Limits.Apart || d.Scope.Content != "" || d.Scope.Type != ""
	}
	c.keeper.Changed() // a pin may have gone
	if s == c.orders.settings {
		return
	}
	c.orders.settings = s
	c.keeper.SetLimits(s.Limits)
	c.door.SetRates(s.Rates)
	c.do(Apply{Settings: s})
}

// own reports whether the owner of the host gave a setting.
func (c *Core) own(key string) bool { return slices.Contains(c.cfg.Own, key) }

// hours in which a flow may be fetched: those that it was asked for with, unless a policy that is locked says otherwise or they are none.
// by is the policy that says so, if one does.
func (c *Core) hours(now time.Time, f *flow) (w window.Window, by *desired.Document) {
	d, ok := c.ruledOf(now, policy.Window, c.subject(f))
	if !ok || !d.Locked && !f.window.IsZero() {
		return f.window, nil
	}
	return policy.Hours(d.Value), &d
}

// closedBy says which hours a flow waits for, and who says so.
func (c *Core) closedBy(now time.Time, f *flow) string {
	w, by := c.hours(now, f)
	s := fmt.Sprintf("fetched at %s of local time, from %s", w, f.change.UTC().Format(time.RFC3339))
	if by != nil {
		s += fmt.Sprintf("; policy %s for %s", desired.EntryID(by.Version), by.Scope)
	}
	return s
}

func (c *Core) aboutHolding(h *holding) desired.Subject {
	return desired.Subject{Location: c.cfg.Self.Location, Peer: c.cfg.Self.Peer, Content: h.id, Name: h.manifest.Name, Type: h.manifest.Type}
}

// pinned reports whether a content stays: by the operator of this host, or by policy.
func (c *Core) pinned(now time.Time, h *holding) bool {
	d, ok := c.ruledOf(now, policy.Pin, c.aboutHolding(h))
	if ok && (d.Locked || !h.pinned) {
		return policy.Pinned(d.Value)
	}
	return h.pinned
}

// age is how long a content is kept unused where a policy says so of it; nil: as of all.
func (c *Core) age(now time.Time, h *holding) *time.Duration {
	if !c.orders.settings.Limits.Apart {
		return nil
	}
	d, ok := c.ruledOf(now, policy.MaxAge, c.aboutHolding(h))
	if !ok || !d.Locked && c.own(policy.MaxAge) {
		return nil
	}
	age := policy.Age(d.Value)
	return &age
}

// Policy lists the settings of this host that policies decide, and where each comes from.
func (c *Core) Policy(now time.Time) []api.Setting {
	list := []api.Setting{}
	for _, x := range policy.Tell(c.cfg.settings(), c.cfg.Own, func(key string) (desired.Document, bool) { return c.ruled(now, key) }) {
		v := api.Setting{Key: x.Key, Value: x.Value, From: string(x.From), Own: x.Own}
		if x.From == policy.ByPolicy {
			v.Entry, v.Scope, v.Locked = desired.EntryID(x.By.Version), x.By.Scope.String(), x.By.Locked
		}
		list = append(list, v)
	}
	return list
}
