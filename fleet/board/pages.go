// SPDX-License-Identifier: Apache-2.0

package board

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
)

// Location is the page of one location; false: nobody knows it.
func (b *Board) Location(w World, c *Census, name string) (*LocationPage, bool) {
	i, ok := slices.BinarySearchFunc(c.Locations, name, func(l Location, name string) int { return cmp.Compare(l.Name, name) })
	if !ok {
		return nil, false
	}
	page := &LocationPage{Location: c.Locations[i], Subnets: []string{}, Near: []string{}, Peers: []Host{}, Contents: []Share{}, Waiting: []Waiting{}}
	if l, known := w.Topology.Find(name); known {
		page.Near = append(page.Near, l.Near...)
		for _, s := range l.Subnets {
			page.Subnets = append(page.Subnets, s.Network.String())
		}
	}
	p := b.places[name]
	shares := map[content.ID]*Share{}
	if p != nil {
		reasons := map[string]map[string]int{}
		for code, n := range p.reckon().sum.reasons {
			reasons[code] = map[string]int{name: n}
		}
		page.Waiting = causes(reasons)
		for id, s := range p.reckon().contents {
			share := b.share(w, shares, name, id)
			share.Flows, share.Progress, share.Rate, share.Reason = s.flows, s.progress, s.rate, s.reason()
		}
		for _, peer := range slices.Sorted(maps.Keys(p.hosts)) {
			page.Peers = append(page.Peers, b.host(c.Overview.Time, w, p.hosts[peer]))
			for _, h := range w.Directory.Holdings(peer) {
				b.share(w, shares, name, h.Content).count(h.Complete)
			}
		}
	}
	w.Totals.Each(func(t ledger.Total) {
		if t.Location == name && !t.Content.IsZero() {
			b.share(w, shares, name, t.Content).booked(t, w.Contents[t.Content].Distinct)
		}
	})
	for _, s := range shares {
		page.Contents = append(page.Contents, *s)
	}
	slices.SortFunc(page.Contents, func(x, y Share) int { return cmp.Or(cmp.Compare(x.Name, y.Name), x.Content.Compare(y.Content)) })
	return page, true
}

func (s *Share) count(complete bool) {
	if complete {
		s.Whole++
	} else {
		s.Part++
	}
}

func (s *Share) booked(t ledger.Total, distinct int64) {
	var a account
	a.add(t, distinct)
	s.Bytes, s.Amplification = a.bytes, a.amplification()
}

// share finds or makes the row of a content in a location.
func (b *Board) share(w World, in map[content.ID]*Share, location string, id content.ID) *Share {
	s := in[id]
	if s == nil {
		x := w.Contents[id]
		s = &Share{Location: location, Content: id, Name: cmp.Or(x.Name, id.Short()), Type: x.Type}
		in[id] = s
	}
	return s
}

func (b *Board) host(now time.Time, w World, h *host) Host {
	m, _ := w.Directory.Member(h.peer)
	x := Host{Peer: h.peer, Location: h.location, Subnet: m.Subnet, Link: m.Link, Online: !h.silent, Seen: h.seen.UTC(), Refuses: h.pulse.Refuses,
		Apart: w.Directory.Apart(now, h.peer)}
	var s sum
	for _, f := range h.pulse.Flows {
		s.add(f)
	}
	x.Flows, x.Progress, x.Rate = s.flows, s.progress, s.rate
	for _, held := range w.Directory.Holdings(h.peer) {
		if held.Complete {
			x.Whole++
		} else {
			x.Part++
		}
	}
	return x
}

// Content is the page of one content, by its id or the name that stands for it; false: it was not published here.
func (b *Board) Content(w World, c *Census, ref string) (*ContentPage, bool) {
	i := slices.IndexFunc(c.Contents, func(x Content) bool { return x.ID.String() == ref || x.Name == ref && x.Current })
	if i < 0 {
		return nil, false
	}
	page := &ContentPage{Content: c.Contents[i], Shares: []Share{}}
	id := page.ID
	shares := map[string]*Share{}
	at := func(location string) *Share {
		if shares[location] == nil {
			shares[location] = &Share{Location: location, Content: id, Name: page.Name, Type: page.Type}
		}
		return shares[location]
	}
	reasons := map[string]map[string]int{}
	for name, p := range b.places {
		if s := p.reckon().contents[id]; s != nil {
			x := at(name)
			x.Flows, x.Progress, x.Rate, x.Reason = s.flows, s.progress, s.rate, s.reason()
			for code, n := range s.reasons {
				if reasons[code] == nil {
					reasons[code] = map[string]int{}
				}
				reasons[code][name] += n
			}
		}
	}
	w.Directory.Holders(id, func(m fleet.Member, h fleet.Holding) { at(m.Location).count(h.Complete) })
	w.Totals.Each(func(t ledger.Total) {
		if t.Content == id {
			at(t.Location).booked(t, page.Distinct)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		page.Shares = append(page.Shares, *shares[name])
	}
	page.Waiting = causes(reasons)
	return page, true
}

// Peer is the page of one host; false: it is not remembered.
func (b *Board) Peer(now time.Time, w World, peer string) (*PeerPage, bool) {
	h := b.hosts[peer]
	if h == nil {
		return nil, false
	}
	m, _ := w.Directory.Member(peer)
	page := &PeerPage{Host: b.host(now, w, h), Lan: m.Lan, Wan: m.Wan, Open: []Flow{}, More: h.pulse.More, Holds: []Held{}}
	for _, f := range h.pulse.Flows {
		x := w.Contents[f.Content]
		page.Open = append(page.Open, Flow{Peer: peer, Location: h.location, ID: f.ID, Content: f.Content, Name: cmp.Or(x.Name, f.Ref, f.Content.Short()),
			Type: x.Type, State: doing(f), Reason: f.Reason, Progress: Progress{f.Have, f.Size}, Rate: float64(f.Rate), Priority: f.Priority})
	}
	for _, held := range w.Directory.Holdings(peer) {
		x := w.Contents[held.Content]
		page.Holds = append(page.Holds, Held{Content: held.Content, Name: cmp.Or(x.Name, held.Content.Short()), Type: x.Type, Chunks: held.Chunks,
			Of: x.Chunks, Complete: held.Complete})
	}
	return page, true
}
