// SPDX-License-Identifier: Apache-2.0

package relay

import "github.com/ebbproject/ebb/link"

// Stats of a relay since its start.
type Stats struct {
	// UpBytes and DownBytes have crossed the WAN: payload bytes, without headers
	// of any kind.
	UpBytes, DownBytes int64
	// Up and Down tell the same in detail, and what the links dropped and why.
	Up, Down link.Stats
	// Hosts is how many hosts have outside addresses.
	Hosts int

	// Datagrams that came to no link: without a proper header; not from or not to
	// a loopback address; from one host too many; more than a link's memory holds.
	Malformed, Foreign, Crowded, Full int64
	// Unsent have passed a link, and then the system refused to send them.
	Unsent int64
}

// Stats returns the counters.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Up, s.Down, s.Hosts = r.up.Stats(), r.down.Stats(), len(r.hosts)
	s.UpBytes, s.DownBytes = s.Up.Delivered.Bytes, s.Down.Delivered.Bytes
	return s
}
