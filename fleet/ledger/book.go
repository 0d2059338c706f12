// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// Bounds of a book.
const (
	maxEntries  = 4096
	maxPartners = 1024
)

// Partner is what went to and came from one peer. Wire bytes are those of datagrams, everything included.
type Partner struct {
	Peer         string `json:"peer"` // empty: those there was no room for
	Location     string `json:"location"`
	Class        Class  `json:"class"`
	Sent         int64  `json:"sent"`
	Received     int64  `json:"received"`
	WireSent     int64  `json:"wire_sent"`
	WireReceived int64  `json:"wire_received"`
}

// Book is what one host counts. It has one owner.
type Book struct {
	epoch    string
	number   uint64 // of the last change
	entries  map[Key]*line
	partners map[string]*Partner
	acked    uint64 // changes up to here are known where they are reported to
	loose    map[Key]bool
	looseTo  map[string]bool
}

type line struct {
	Counts
	changed uint64 // number of the last change
}

// NewBook is an empty book of that epoch, 16 hex digits.
func NewBook(epoch string) *Book {
	if !ValidEpoch(epoch) {
		panic(fmt.Sprintf("ledger: the epoch %q is not 16 hex digits", epoch))
	}
	return &Book{epoch: epoch, entries: map[Key]*line{}, partners: map[string]*Partner{}, loose: map[Key]bool{}, looseTo: map[string]bool{}}
}

// Epoch is the life of this book.
func (b *Book) Epoch() string { return b.epoch }

// Added: so much was counted for an entry.
func (b *Book) Added(k Key, c Counts) {
	if c == (Counts{}) {
		return
	}
	l := b.entries[k]
	if l == nil && len(b.entries) >= maxEntries {
		k = Key{From: k.From, To: k.To, Class: k.Class}
		if l = b.entries[k]; l == nil && len(b.entries) >= maxEntries+64 { // as many pairs of locations are told apart
			k = Key{From: k.To, To: k.To, Class: k.Class}
			l = b.entries[k]
		}
	}
	if l == nil {
		l = &line{}
		b.entries[k] = l
	}
	l.Counts = l.Counts.Add(c)
	b.changed(k, l)
}

func (b *Book) changed(k Key, l *line) {
	b.number++
	l.changed = b.number
	b.loose[k] = true
}

// Met: so much more went to and came from a peer.
func (b *Book) Met(p Partner) {
	sum := b.partners[p.Peer]
	if sum == nil && len(b.partners) >= maxPartners {
		p.Peer, p.Location, p.Class = "", "", ""
		sum = b.partners[""]
	}
	if sum == nil {
		sum = &Partner{Peer: p.Peer}
		b.partners[p.Peer] = sum
	}
	sum.Location, sum.Class = p.Location, p.Class
	sum.Sent += p.Sent
	sum.Received += p.Received
	sum.WireSent += p.WireSent
	sum.WireReceived += p.WireReceived
	if p.Sent+p.Received > 0 { // a ping is not worth a write to the disk
		b.looseTo[p.Peer] = true
	}
}

// Closed: the process ends, or has ended: what is on its way will not be judged any more.
func (b *Book) Closed() {
	for k, l := range b.entries {
		if open := l.Open(); open > 0 {
			l.Canceled += open
			b.changed(k, l)
		}
	}
}

// Unsaved takes what has changed since it was last asked, to be made durable before the next Report leaves.
func (b *Book) Unsaved() (entries []Entry, partners []Partner) {
	for _, k := range sortedKeys(b.loose) {
		entries = append(entries, Entry{k, b.entries[k].Counts})
	}
	for _, name := range b.looseNames() {
		partners = append(partners, *b.partners[name])
	}
	clear(b.loose)
	clear(b.looseTo)
	return entries, partners
}

func (b *Book) looseNames() []string {
	names := make([]string, 0, len(b.looseTo))
	for name := range b.looseTo {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Restored: the journal remembers this of the same epoch.
func (b *Book) Restored(e Entry) {
	if l := b.entries[e.Key]; l != nil {
		e.Counts = e.Counts.Merge(l.Counts)
	}
	l := &line{Counts: e.Counts}
	b.entries[e.Key] = l
	b.changed(e.Key, l)
	delete(b.loose, e.Key)
}

// RestoredPartner: the journal remembers this of a peer.
func (b *Book) RestoredPartner(p Partner) { b.partners[p.Peer] = &p }

// Report is what was not acknowledged, the longest unsaid first; false: nothing. What Unsaved took before must be durable by the time it
// leaves.
func (b *Book) Report() (Report, bool) {
	var keys []Key
	for k, l := range b.entries {
		if l.changed > b.acked && !b.loose[k] {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return Report{}, false
	}
	slices.SortFunc(keys, func(x, y Key) int { return cmp.Compare(b.entries[x].changed, b.entries[y].changed) })
	keys = keys[:min(len(keys), MaxReport)]
	r := Report{Epoch: b.epoch, Upto: b.entries[keys[len(keys)-1]].changed}
	for _, k := range keys {
		r.Entries = append(r.Entries, Entry{k, b.entries[k].Counts})
	}
	return r, true
}

// Acknowledged: a report of this very book is known and durable where it was sent. Answers to a process that has ended must not come here:
// changes are numbered anew after a restart.
func (b *Book) Acknowledged(a Ack) {
	if a.Epoch == b.epoch && a.Upto <= b.number {
		b.acked = max(b.acked, a.Upto)
	}
}

// Entries lists the whole book in order.
func (b *Book) Entries() []Entry {
	list := make([]Entry, 0, len(b.entries))
	for _, k := range sortedKeys(b.entries) {
		list = append(list, Entry{k, b.entries[k].Counts})
	}
	return list
}

// Partners lists whom the host had to do with, by name.
func (b *Book) Partners() []Partner {
	list := make([]Partner, 0, len(b.partners))
	for _, p := range b.partners {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(x, y Partner) int { return cmp.Compare(x.Peer, y.Peer) })
	return list
}

func (b *Book) String() string {
	return fmt.Sprintf("ledger %s: %d entries, %d peers, change %d, %d acknowledged, %d unsaved", b.epoch, len(b.entries), len(b.partners),
		b.number, b.acked, len(b.loose))
}

func sortedKeys[V any](m map[Key]V) []Key {
	keys := make([]Key, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y Key) int {
		return cmp.Or(x.Content.Compare(y.Content), cmp.Compare(x.Class, y.Class), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return keys
}
