// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/store"
)

// keyLedger is where the ledger's rows stand: and peer, epoch and entry.
const keyLedger = "hub/ledger/"

// keyWhole is where it stands when hosts of a location came to hold a content whole: and content and location.
const keyWhole = "hub/whole/"

// maxRows bounds the rows kept of one host; an honest one needs as many as there are contents it has had to do with.
const maxRows = 16384

// accounts gathers the ledgers of the fleet. Rows stand in the store, one a host, epoch and entry; memory holds only their sum by location
// and content.
type accounts struct {
	store *store.Store

	mu     sync.Mutex
	totals *ledger.Totals
	wholes *ledger.Wholes
	rows   map[string]int // kept of each peer
}

func openAccounts(st *store.Store, skip func(key string, err error)) (*accounts, error) {
	a := &accounts{store: st, totals: ledger.NewTotals(), wholes: ledger.NewWholes(), rows: map[string]int{}}
	err := st.Scan(keyLedger, func(key string, value []byte) bool {
		var e ledger.Entry
		peer, _, _ := strings.Cut(strings.TrimPrefix(key, keyLedger), "/")
		err := json.Unmarshal(value, &e)
		if err == nil && !strings.HasSuffix(key, "/"+e.Key.String()) {
			err = fmt.Errorf("holds the entry %s", e.Key)
		}
		if err != nil {
			skip(key, err)
			return true
		}
		a.totals.Reported(ledger.Counts{}, e)
		a.rows[peer]++
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("the hub's ledger: %w", err)
	}
	err = st.Scan(keyWhole, func(key string, value []byte) bool {
		var x ledger.Whole
		if err := json.Unmarshal(value, &x); err != nil || key != wholeKey(x.Place) {
			skip(key, errors.Join(err, errors.New("is no record of who holds a content whole")))
			return true
		}
		a.wholes.Restore(x)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("the hub's ledger: %w", err)
	}
	return a, nil
}

func wholeKey(p ledger.Place) string { return keyWhole + p.Content.String() + "/" + p.Location }

// take enters a report; once it returns without an error everything of it is durable. grown is by how much the peer has received more.
func (a *accounts) take(peer string, r ledger.Report) (ack ledger.Ack, grown map[ledger.Class]int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var records []store.Record
	olds := make([]ledger.Counts, len(r.Entries))
	fresh, seen := 0, map[ledger.Key]bool{}
	for i, e := range r.Entries {
		if seen[e.Key] {
			return ack, nil, badRequest("ledger: the entry %s is said twice", e.Key)
		}
		seen[e.Key] = true
		key := keyLedger + peer + "/" + r.Epoch + "/" + e.Key.String()
		old, err := a.store.Lookup(key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			fresh++
		case err != nil:
			return ack, nil, err
		default:
			var was ledger.Entry
			if err := json.Unmarshal(old, &was); err == nil {
				olds[i] = was.Counts
			}
		}
		value, err := json.Marshal(ledger.Entry{Key: e.Key, Counts: olds[i].Merge(e.Counts)})
		if err != nil {
			return ack, nil, err
		}
		records = append(records, store.Record{Key: key, Value: value})
	}
	if a.rows[peer]+fresh > maxRows {
		return ack, nil, problem(http.StatusRequestEntityTooLarge, fleet.CodeTooLarge, "ledger: more than %d rows of one host", maxRows)
	}
	if err := a.store.Record(records...); err != nil {
		return ack, nil, err
	}
	a.rows[peer] += fresh
	grown = map[ledger.Class]int64{}
	for i, e := range r.Entries {
		grown[e.Class] += a.totals.Reported(olds[i], e).Received - olds[i].Received
	}
	return ledger.Ack{Epoch: r.Epoch, Upto: r.Upto}, grown, nil
}

// held enters who holds what completely, and writes down what is new of that.
func (a *accounts) held(now time.Time, id fleet.Identity, list []fleet.Holding) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var records []store.Record
	for _, h := range list {
		if !h.Complete {
			continue
		}
		p := ledger.Place{Location: id.Location, Content: h.Content}
		a.totals.Held(p)
		if x, news := a.wholes.Held(now.UTC(), p, id.Peer); news {
			value, err := json.Marshal(x)
			if err != nil {
				return err
			}
			records = append(records, store.Record{Key: wholeKey(p), Value: value})
		}
	}
	if len(records) == 0 {
		return nil
	}
	return a.store.Record(records...)
}

// tell enters into the rows when their hosts came to hold the content.
func (a *accounts) tell(rows []api.LedgerRow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range rows {
		id, err := content.ParseID(rows[i].Content)
		if err != nil {
			continue // bytes that could not be told apart
		}
		if x := a.wholes.At(ledger.Place{Location: rows[i].Location, Content: id}); x.Hosts > 0 {
			rows[i].Whole, rows[i].First, rows[i].Last = x.Hosts, &x.First, &x.Last
		}
	}
}

func (a *accounts) copy() *ledger.Totals {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.totals.Copy()
}

// accounted enters the ledger of a report. A ledger that cannot be taken is not worth refusing the news: the host says it again.
func (s *Server) accounted(id fleet.Identity, req fleet.SyncRequest) *ledger.Ack {
	if err := s.accounts.held(s.o.Clock(), id, req.Holdings); err != nil { // the next host of the location says it again
		s.o.Log.Warn("when a host had a content whole is not written down", "peer", id.Peer, "location", id.Location, "err", err)
	}
	if req.Ledger == nil {
		return nil
	}
	err := req.Ledger.Validate(fleet.ValidLocation)
	var ack ledger.Ack
	var grown map[ledger.Class]int64
	if err == nil {
		ack, grown, err = s.accounts.take(id.Peer, *req.Ledger)
	}
	if err != nil {
		s.o.Log.Warn("the ledger of a host is not taken", "peer", id.Peer, "location", id.Location, "err", err)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.board.Moved(s.o.Clock(), id.Peer, grown)
	return &ack
}

// getLedger is the ledger of the fleet, with what the hub itself has sent.
func (s *Server) getLedger(w http.ResponseWriter, r *http.Request) {
	totals := s.accounts.copy()
	entries, partners := s.o.Ledger()
	for _, e := range entries {
		totals.Reported(ledger.Counts{}, e)
	}
	doc := api.NewLedger(totals, partners, s.described)
	s.accounts.tell(doc.Rows)
	if err := doc.Only(r.URL.Query().Get("location"), r.URL.Query().Get("content")); err != nil {
		refuse(w, err)
		return
	}
	answer(w, doc)
}

// described is what the catalogue knows of a content.
func (s *Server) described(id content.ID) (d api.Described) {
	raw, err := s.find(id.String())
	if err != nil {
		return d
	}
	signed, err := content.ParseSigned(raw)
	if err != nil {
		return d
	}
	m, err := content.ParseManifest(signed.Manifest)
	if err != nil {
		return d
	}
	d.Name, d.Type = m.Name, m.Type
	seen := make(map[content.ID]bool, len(m.Chunks))
	for _, c := range m.Chunks {
		if !seen[c.ID] {
			seen[c.ID] = true
			d.Distinct += int64(c.Size)
		}
	}
	return d
}

// Books is what came into each location of each content type, with what the hub itself has sent, by location.
func (s *Server) Books() []board.Book {
	totals := s.accounts.copy()
	entries, _ := s.o.Ledger()
	for _, e := range entries {
		totals.Reported(ledger.Counts{}, e)
	}
	s.mu.Lock()
	shelf := s.shelf
	s.mu.Unlock()
	var books []board.Book
	at := map[[2]string]int{}
	for _, x := range totals.Places() {
		key := [2]string{x.Location, shelf[x.Content].Type}
		i, ok := at[key]
		if !ok {
			i, at[key] = len(books), len(books)
			books = append(books, board.Book{Total: ledger.Total{Place: ledger.Place{Location: x.Location}}, Type: key[1]})
		}
		sum := &books[i]
		sum.LAN, sum.WAN, sum.Origin, sum.Counts = sum.LAN+x.LAN, sum.WAN+x.WAN, sum.Origin+x.Origin, sum.Counts.Add(x.Counts)
	}
	return books
}
