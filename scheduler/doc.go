// SPDX-License-Identifier: Apache-2.0

// Package scheduler decides what to fetch next, and from whom.
//
// # Words
//
// A flow is one content on its way to this host. A peer is a connected host; its class says how far
// away it is. A request is one chunk asked of one peer. A chunk of a flow is ready (it may be asked
// for), asked, storing or held. Identical chunks, within a content or of several, are one chunk:
// fetched once, held everywhere.
//
// # Use
//
// A Scheduler is a machine without clock, locks, goroutines or input and output. Tell it what
// happened (AddFlow, PeerHas, Received, ... in the past tense), then call Take until it says false
// and do what it says; call again when something happens or at Deadline. Every method takes the
// time, which must not run backwards by more than a moment. The same seed and the same calls give
// the same actions.
//
// # What is asked, and of whom
//
// Flows are served by priority, strictly; equals share by start-time fair queueing. For the flow in
// turn, the nearest peer that has room in its pipeline and something to give is asked for the
// rarest chunk it holds that no nearer peer holds; beyond the location, that nearer peers do not bring in time, because their uplinks may be
// thin and the location's link is idle meanwhile; of one location one host is asked at a time, and one that is much slower than another is
// asked one chunk a minute at most (nearer.go), and so is one beside which another brings all that the location's link takes (width.go).
// Rare means: held by few peers within the location, and then by few beyond it. Among equally
// rare chunks each host has an order of its own (rendezvous hashing). Within a location a chunk that must cross the WAN is fetched by the host
// that holds the lease of its range, and taken from that host over the LAN by all others: see package lease, and once.go for what follows from
// it here.
//
// Nobody waits for a fetcher that brings nothing for longer than Config.Patience. And a host whose
// neighbours hold what it misses, and give it nothing for so long, goes out itself until they do.
//
// A pipeline holds what the peer's measured rate delivers in a round trip and a little more, plus
// one chunk; a peer of unknown rate has two requests. Config.MaxInFlight bounds all of them
// together with what is being stored, and so the memory they take.
//
// # When it goes wrong
//
// A peer that stalls, is much slower than another one that has nothing better to do, or refuses
// repeatedly, or for its owner's sake, is doubted: its requests are moved if anybody else holds the chunks, nobody waits for
// it, and it is tried with one chunk at a time until it delivers. A wrong hash is a strike against
// exactly its sender, three are a ban. Pauses and bans double each time, with jitter, and all of
// them end: nothing is given up for good. At the end of a flow one chunk in a hundred (one in any
// case) may be asked for twice.
//
// Why tells for each missing chunk which Reason of a closed list it waits for.
//
// # Not promised
//
// Within a location chunks cross the WAN once between hosts that can hear each other; what a host
// had in flight when it was lost crosses again. Priorities rule what is asked next; what was asked
// before is not taken back, so a new urgent flow waits for at most the requests under way. Fairness
// is between flows on this host, not between hosts. What is received is not verified here.
package scheduler
