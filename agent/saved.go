// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// Keys of the journal. A newer release may add keys; it never gives an old one a new meaning.
const (
	KeyPrefix   = "agent/"
	keyFlow     = KeyPrefix + "flow/"
	keyManifest = KeyPrefix + "manifest/"
	keyMembers  = KeyPrefix + "members"
	keyLedger   = KeyPrefix + "ledger/"
	keyClock    = KeyPrefix + "clock"
	keyDesired  = KeyPrefix + "desired/" // and the key of the register
	keyPlace    = KeyPrefix + "place"
	keyShelf    = KeyPrefix + "shelf/" // read behind manifests
)

// ManifestKey is where the signed manifest of a content stands in the journal.
func ManifestKey(id content.ID) string { return keyManifest + id.String() }

// savedFlow is a flow in the journal.
type savedFlow struct {
	ID        string     `json:"id"`
	Ref       string     `json:"ref"`
	Out       string     `json:"out,omitempty"`
	Overwrite bool       `json:"overwrite,omitempty"`
	Priority  int        `json:"priority,omitempty"`
	Content   content.ID `json:"content,omitzero"`
	State     string     `json:"state"`
	Code      string     `json:"code,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	Created   time.Time  `json:"created"`
	Finished  time.Time  `json:"finished,omitzero"`
	Stage     bool       `json:"stage,omitempty"`
	By        time.Time  `json:"by,omitzero"`
	Window    string     `json:"window,omitempty"`
	Repair    bool       `json:"repair,omitempty"`
	Order     uint64     `json:"order,omitempty"` // the version of the order that it is for
}

// keepFlows is how many ended flows are remembered.
const keepFlows = 200

func (c *Core) saveFlow(f *flow) {
	c.record(keyFlow+f.id, savedFlow{ID: f.id, Ref: f.ref, Out: f.out, Overwrite: f.overwrite, Priority: f.priority, Content: f.content,
		State: f.state, Code: f.code, Detail: f.detail, Created: f.created, Finished: f.finished,
		Stage: f.stage, By: f.by, Window: f.window.String(), Repair: f.repair, Order: f.order})
	for f.ended() && len(c.order) > keepFlows {
		oldest := slices.IndexFunc(c.order, func(id string) bool { return c.flows[id].ended() })
		c.do(Record{Key: keyFlow + c.order[oldest]})
		delete(c.flows, c.order[oldest])
		c.order = slices.Delete(c.order, oldest, oldest+1)
	}
}

// saveMembers keeps the address book for the day when the hub is gone.
func (c *Core) saveMembers() {
	var list []fleet.Member
	for _, name := range c.book.names() {
		m := c.book.people[name].Member
		m.Holds, m.Seen = nil, time.Time{}
		list = append(list, m)
	}
	value := encode(list)
	if bytes.Equal(value, c.savedMembers) {
		return
	}
	c.savedMembers = value
	c.do(Record{Key: keyMembers, Value: value})
}

func (c *Core) record(key string, v any) { c.do(Record{Key: key, Value: encode(v)}) }

// encode cannot fail: the documents of this file hold nothing that JSON cannot say.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("agent: %T does not marshal: %v", v, err))
	}
	return b
}

// Restore tells the core, before anything else, what the journal remembers: all records under KeyPrefix. It returns
// what could not be understood, one error a record; those are left out and everything else goes on.
func (c *Core) Restore(now time.Time, records map[string][]byte) []error {
	var problems []error
	var flows []*flow
	if value, ok := records[keyEpoch]; ok {
		if err := c.restoreEpoch(value); err != nil {
			problems = append(problems, fmt.Errorf("journal record %q: %w", keyEpoch, err))
		}
	}
	for _, key := range sortedKeys(records) {
		value := records[key]
		var err error
		switch {
		case strings.HasPrefix(key, keyManifest):
			err = c.restoreManifest(key, value)
		case strings.HasPrefix(key, keyFlow):
			var s savedFlow
			if err = json.Unmarshal(value, &s); err == nil {
				flows = append(flows, restoredFlow(s))
			}
		case strings.HasPrefix(key, keyLedger):
			err = c.restoreLedger(key, value)
		case key == keyMembers:
			var list []fleet.Member
			err = json.Unmarshal(value, &list)
			for _, m := range list {
				c.book.Listed(now, m)
			}
			c.savedMembers = value
		case key == keyClock:
			err = c.restoreClock(now, value)
		case strings.HasPrefix(key, keyShelf):
			err = c.restoreShelf(strings.TrimPrefix(key, keyShelf), value)
		case strings.HasPrefix(key, keyDesired):
			err = c.restoreOrder(now, key, value)
		case key == keyPlace:
			err = c.restorePlace(value)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("journal record %q: %w", key, err))
		}
	}
	c.counts.Refetched = c.cutOff()
	c.ledger.Closed()
	slices.SortFunc(flows, func(a, b *flow) int { return number(a.id) - number(b.id) })
	for _, f := range flows {
		c.flows[f.id] = f
		c.order = append(c.order, f.id)
		c.restart(now, f)
	}
	c.obeyOrders(now)
	return problems
}

func number(id string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "f"))
	return n
}

// restoreManifest trusts what was verified before it was written; expiry decides again when it is asked for.
func (c *Core) restoreManifest(key string, raw []byte) error {
	signed, err := content.ParseSigned(raw)
	if err != nil {
		return err
	}
	m, err := signed.Verify(c.cfg.Publishers, time.Time{})
	if err != nil {
		return err
	}
	if key != ManifestKey(signed.ID()) {
		return fmt.Errorf("holds the manifest of %s", signed.ID())
	}
	c.remember(signed.ID(), m)
	return nil
}

func restoredFlow(s savedFlow) *flow {
	p := planned(api.Get{Stage: s.Stage, By: s.By, Window: s.Window})
	p.repair, p.order = s.Repair, s.Order
	return &flow{id: s.ID, ref: s.Ref, out: s.Out, overwrite: s.Overwrite, priority: s.Priority, content: s.Content,
		known: !s.Content.IsZero(), state: s.State, code: s.Code, detail: s.Detail, created: s.Created, finished: s.Finished,
		plan: p}
}

// restart puts an open flow back to where it goes on.
func (c *Core) restart(now time.Time, f *flow) {
	switch {
	case f.ended():
	case !f.known || c.holdings[f.content] == nil:
		f.known, f.state = false, api.StateResolving
		c.resolve(now, f)
	case f.state == api.StatePaused:
		c.reconcile(now, f.content)
	default: // an export that was cut short begins again; the scheduler says at once when nothing is missing
		f.state = api.StateFetching
		c.reconcile(now, f.content)
	}
}
