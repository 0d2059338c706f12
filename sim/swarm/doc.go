// SPDX-License-Identifier: Apache-2.0

// Package swarm is a world of locations whose hosts fetch one content together: how often it crosses each location's
// WAN link, and how long that takes.
//
// # Words
//
// A host is an agent.Core, the one that ships, with a disk that remembers which chunks it holds. The hub is one more
// of them, with the fleet's directory. A pipe is a direction of a link: every host has two of the LAN's rate, every
// location two of the WAN's. A stream is what one host sends another: the answers that are open between them.
//
// # The algorithm
//
// Bytes are a fluid. The rates of all streams are max-min fair over the pipes they go through (Bertsekas and Gallager,
// "Data Networks", 1992, 6.5.2), and worked out anew for what hangs together with a pipe whose streams changed. The
// answers of one stream share its rate, as the session cuts a piece of each in turn. Messages arrive after the latency
// of the way; those about leases are encoded and parsed again as on the wire. Time goes in steps of a millisecond, and
// the same Config gives the same Result. The hosts' clocks are up to six hours apart, and that shows in nothing.
//
// A host that is killed falls silent and comes back with what its disk holds. Over a cut (a divided LAN, a hub that is
// away) messages wait and streams stand still, as with the carrier's connections, which survive it.
//
// # Not promised
//
// There are no packets here: no loss, no controllers, no headers. Amplification counts the bytes of chunks. Disks are
// fast, and processors cost nothing.
package swarm
