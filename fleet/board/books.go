// SPDX-License-Identifier: Apache-2.0

package board

import (
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/ledger"
)

const noEvidence = "no evidence"

// account is what the ledger says of something.
type account struct {
	bytes         Bytes
	far, distinct int64 // of what some host holds whole: bytes over WAN links, and bytes of the content
	whole         int
}

func (a *account) add(t ledger.Total, distinct int64) {
	a.bytes.add(Bytes{LAN: t.LAN, WAN: t.WAN, Origin: t.Origin, Wasted: t.Rejected + t.Duplicate + t.Canceled})
	if !t.Complete {
		return
	}
	a.whole++
	if distinct > 0 && t.Received > 0 { // what nobody received was there already, or published there
		a.far += t.WAN + t.Origin
		a.distinct += distinct
	}
}

func (a *account) amplification() *float64 {
	if a.distinct == 0 {
		return nil
	}
	x := float64(a.far) / float64(a.distinct)
	return &x
}

// books is the ledger added up by location, by content, and altogether.
type books struct {
	all      account
	places   map[string]*account
	contents map[content.ID]*account
}

func newBooks(w World) *books {
	b := &books{places: map[string]*account{}, contents: map[content.ID]*account{}}
	w.Totals.Each(func(t ledger.Total) {
		distinct := w.Contents[t.Content].Distinct
		if b.places[t.Location] == nil {
			b.places[t.Location] = &account{}
		}
		if b.contents[t.Content] == nil {
			b.contents[t.Content] = &account{}
		}
		b.all.add(t, distinct)
		b.places[t.Location].add(t, distinct)
		b.contents[t.Content].add(t, distinct)
	})
	return b
}

// worst is the harm in a place as the sender sees it that finds the most.
func (p *place) worst() Harm {
	worst := Harm{Verdict: noEvidence}
	for _, x := range p.harm {
		if worst.Added == nil || x.Added > *worst.Added {
			worst = Harm{Verdict: x.Verdict, Added: &x.Added, Low: &x.Low, High: &x.High}
		}
	}
	return worst
}
