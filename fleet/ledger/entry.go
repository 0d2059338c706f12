// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"math"

	"github.com/ebbproject/ebb/content"
)

// Class is what bytes crossed.
type Class string

// The closed list.
const (
	LAN    Class = "lan"
	WAN    Class = "wan"
	Origin Class = "origin"
)

// Key names an entry of a book. The zero content is what came for no request that is remembered, and what there was no room for.
type Key struct {
	Content content.ID `json:"content,omitzero"`
	From    string     `json:"from"` // location
	To      string     `json:"to"`
	Class   Class      `json:"class"`
}

// String is the key in one word, for a journal.
func (k Key) String() string { return fmt.Sprintf("%s/%s/%s/%s", k.Content, k.Class, k.From, k.To) }

// Counts is bytes. All of them only grow.
type Counts struct {
	Received  int64 `json:"received,omitzero"`
	Verified  int64 `json:"verified,omitzero"`
	Rejected  int64 `json:"rejected,omitzero"`
	Duplicate int64 `json:"duplicate,omitzero"`
	Canceled  int64 `json:"canceled,omitzero"`
	Sent      int64 `json:"sent,omitzero"`
}

// each calls f with every counter of both.
func each(a, b *Counts, f func(a, b *int64)) {
	f(&a.Received, &b.Received)
	f(&a.Verified, &b.Verified)
	f(&a.Rejected, &b.Rejected)
	f(&a.Duplicate, &b.Duplicate)
	f(&a.Canceled, &b.Canceled)
	f(&a.Sent, &b.Sent)
}

// Add is the sum of both; beyond 2^63-1 it stays there.
func (c Counts) Add(d Counts) Counts {
	each(&c, &d, func(a, b *int64) {
		if *b > math.MaxInt64-*a {
			*a = math.MaxInt64
			return
		}
		*a += *b
	})
	return c
}

// Merge is the greater of each: what two reports of the same counters say together.
func (c Counts) Merge(d Counts) Counts {
	each(&c, &d, func(a, b *int64) { *a = max(*a, *b) })
	return c
}

// since is what was added to old.
func (c Counts) since(old Counts) Counts {
	each(&c, &old, func(a, b *int64) { *a -= *b })
	return c
}

// Open is what was received and not yet judged.
func (c Counts) Open() int64 { return c.Received - c.Verified - c.Rejected - c.Duplicate - c.Canceled }

// Entry is one line of a book.
type Entry struct {
	Key
	Counts
}

// Report is what a host says of its book: entries as they stand.
type Report struct {
	Epoch   string  `json:"epoch"` // 16 hex digits
	Entries []Entry `json:"entries"`
	Upto    uint64  `json:"upto"` // to be acknowledged
}

// Ack says that a report is durable where it was sent.
type Ack struct {
	Epoch string `json:"epoch"`
	Upto  uint64 `json:"upto"`
}

// MaxReport bounds the entries of a report.
const MaxReport = 256

// Validate says what is wrong with a report. Whether a name can be a location is for place to say.
func (r Report) Validate(place func(string) error) error {
	if !ValidEpoch(r.Epoch) {
		return fmt.Errorf("ledger: the epoch %q is not 16 hex digits", r.Epoch)
	}
	if len(r.Entries) > MaxReport {
		return fmt.Errorf("ledger: %d entries, allowed are %d", len(r.Entries), MaxReport)
	}
	for i, e := range r.Entries {
		if e.Class != LAN && e.Class != WAN && e.Class != Origin {
			return fmt.Errorf("ledger: entry %d: there is no class %q", i, e.Class)
		}
		for _, name := range []string{e.From, e.To} {
			if err := place(name); err != nil {
				return fmt.Errorf("ledger: entry %d: %w", i, err)
			}
		}
		c := e.Counts
		if min(c.Received, c.Verified, c.Rejected, c.Duplicate, c.Canceled, c.Sent) < 0 {
			return fmt.Errorf("ledger: entry %d: a counter is negative", i)
		}
	}
	return nil
}

// ValidEpoch accepts 16 hex digits in lower case.
func ValidEpoch(s string) bool {
	if len(s) != 16 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
