// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ebbproject/ebb/fleet"
)

// Bounds of a Word in octets, and in locations.
const (
	maxWord   = 30 << 10
	maxBeside = 256
)

// A Word is what is said of one location by itself: to its hosts, which keep it, and by them to a hub that has forgotten it.
type Word struct {
	Location
	Beside []string `json:"beside,omitempty"` // locations that list this one as near and are not listed by it; the first by name, if there are many
	Cut    bool     `json:"cut,omitempty"`    // its subnets are more than a Word holds, and are left out
}

// Words are those of all locations, by name, as they are signed.
func (x *Index) Words() map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(x.t.Locations))
	for i := range x.t.Locations {
		w := Word{Location: x.t.Locations[i]}
		for _, other := range x.Near(w.Name) {
			if _, listed := slices.BinarySearch(w.Near, other); !listed && len(w.Beside) < maxBeside {
				w.Beside = append(w.Beside, other)
			}
		}
		all[w.Name] = w.encode()
	}
	return all
}

func (w Word) encode() []byte {
	b, err := json.Marshal(w)
	if err == nil && len(b) > maxWord {
		w.Subnets, w.Cut = nil, true
		b, err = json.Marshal(w)
	}
	if err != nil {
		panic(fmt.Sprintf("topology: it does not marshal: %v", err)) // networks were checked, and nothing else can fail
	}
	return b
}

// ParseWord reads one. Fields of a release to come are left out; what is there must be as in a topology. ErrDocument.
func ParseWord(b []byte) (*Word, error) {
	if len(b) > maxWord {
		return nil, fmt.Errorf("%w: %d bytes of one location, at most %d are possible", ErrDocument, len(b), maxWord)
	}
	var w Word
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	alone := Topology{Locations: []Location{w.Location}}
	if w.Region != "" {
		alone.Regions = []string{w.Region}
	}
	var p Problems
	names := append(slices.Clone(w.Near), w.Name) // whether those are there is not known here
	slices.Sort(names)
	if alone.ordered(&p); len(p.List) == 0 {
		alone.checkRegions(&p)
		alone.checkLocation(&w.Location, names, &p)
		alone.checkOverlaps(&p)
	}
	if len(w.Beside) > maxBeside {
		p.add(0, "%d locations beside it: at most %d are possible", len(w.Beside), maxBeside)
	}
	for _, other := range append(w.Beside[:len(w.Beside):len(w.Beside)], w.Near...) {
		if err := fleet.ValidLocation(other); err != nil {
			p.add(0, "near location: %v", err)
		}
	}
	if err := p.err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return &w, nil
}

// Place is the network of a host of the location, given what the hub said of it last: which subnet it is in, nobody else knows.
func (w *Word) Place(told fleet.Place) fleet.Place {
	p := fleet.Place{Subnet: told.Subnet, Link: w.Link, Near: slices.Concat(w.Near, w.Beside)}
	slices.Sort(p.Near)
	if w.Cut && told.Link != "" {
		p.Link = told.Link
	}
	own, err := netip.ParsePrefix(told.Subnet)
	if err != nil {
		return p
	}
	longest := -1
	for _, s := range w.Subnets {
		if s.Network.Bits() <= own.Bits() && s.Network.Bits() > longest && s.Network.Contains(own.Addr()) {
			longest = s.Network.Bits()
			p.Subnet, p.Link = s.Network.String(), w.Link
			if s.Link != "" {
				p.Link = s.Link
			}
		}
	}
	return p
}
