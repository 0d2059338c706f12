// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/http"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// account enters what went over the conversation since the last time. The mailbox takes it when the daemon is closing, too.
func (p *conversation) account(st carrier.Stats) {
	m := agent.Movement{Peer: p.id, Accounts: p.session.TakeAccounts(), WireSent: int64(st.BytesSent - p.wire.BytesSent),
		WireReceived: int64(st.BytesReceived - p.wire.BytesReceived)}
	p.wire = st
	p.d.moved.put(m)
}

// movements tells the core what was accounted.
func (d *Daemon) movements(c *agent.Core) {
	for _, m := range d.moved.all() {
		c.Moved(m)
	}
}

// closeBooks writes the last of the ledger. All goroutines have ended.
func (d *Daemon) closeBooks() error {
	d.movements(d.core)
	d.core.Closing()
	var records []store.Record
	for a, ok := d.core.Take(time.Now()); ok; a, ok = d.core.Take(time.Now()) {
		if r, is := a.(agent.Record); is {
			records = append(records, store.Record{Key: r.Key, Value: r.Value})
		}
	}
	if len(records) == 0 {
		return nil
	}
	return d.o.Store.Record(records...)
}

// Ledger is what this host has counted.
func (d *Daemon) Ledger() (entries []ledger.Entry, partners []ledger.Partner) {
	d.ask(func(c *agent.Core, _ time.Time) {
		d.movements(c)
		entries, partners = c.Ledger()
	})
	return entries, partners
}

// getLedger is this host's own part.
func (d *Daemon) getLedger(w http.ResponseWriter, r *http.Request) {
	var doc *api.Ledger
	if !d.with(w, func(c *agent.Core, _ time.Time) {
		d.movements(c)
		doc = c.LedgerPage()
	}) {
		return
	}
	if err := doc.Only(r.URL.Query().Get("location"), r.URL.Query().Get("content")); err != nil {
		Fail(w, err)
		return
	}
	Answer(w, http.StatusOK, doc)
}
