// SPDX-License-Identifier: Apache-2.0

package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/fleet/ledger"
)

// Book is what came into a location of a content type, over all contents; the Content of its place says nothing.
type Book struct {
	ledger.Total
	Type string
}

// Found is a host that was looked for.
type Found struct {
	Peer     string    `json:"peer"`
	Location string    `json:"location"`
	Seen     time.Time `json:"seen"`
	Silent   bool      `json:"silent"`
}

// Find lists the hosts whose name begins like that, by name and at most so many; total is how many there are.
func (b *Board) Find(prefix string, most int) (list []Found, total int) {
	list = []Found{}
	for peer, h := range b.hosts {
		if strings.HasPrefix(peer, prefix) {
			list = append(list, Found{peer, h.location, h.seen.UTC(), h.silent})
		}
	}
	slices.SortFunc(list, func(x, y Found) int { return cmp.Compare(x.Peer, y.Peer) })
	return list[:min(len(list), most)], len(list)
}
