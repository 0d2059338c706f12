// SPDX-License-Identifier: Apache-2.0

package agent

import "github.com/ebbproject/ebb/content"

// busy is the chunks that peers have requested and not yet been given: they do not leave the disk meanwhile.
type busy map[servingKey]content.ID

// lost drops all that a peer wanted.
func (b busy) lost(peer string) {
	for key := range b {
		if key.peer == peer {
			delete(b, key)
		}
	}
}

func (b busy) chunks() map[content.ID]bool {
	set := make(map[content.ID]bool, len(b))
	for _, id := range b {
		set[id] = true
	}
	return set
}
