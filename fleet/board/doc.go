// SPDX-License-Identifier: Apache-2.0

// Package board is what an operator sees of a fleet: a projection of the news of all hosts, in memory.
//
// # Words
//
// A pulse is what a host says of its flows (fleet/pulse). A flow waits when it is fetching, nothing comes, and its reason is not that
// chunks are on their way. A trace is the recent past of a place: bytes that came over the LAN and over the WAN link, and the queue on
// the way into it, in steps of two seconds over ten minutes. A census is everything that tables need, reckoned once for all who look.
//
// # Algorithm
//
// Heard takes the news of a host and Moved the bytes that its ledger has grown by. These moved at some time since the host's news
// before, so they are spread evenly over that time. A queue is measured by who sends: by the hub and by hosts elsewhere, for the
// location they send to; the longest of a step counts. The last steps are not settled before everybody has told, so a trace ends a
// little before now.
//
// Pace says how often hosts that fetch should report: every two seconds where few do, less often in step with their number, so that
// the hub hears no more than a hundred reports a second on that account.
//
// # Memory
//
// A host costs some 300 bytes and 150 for each of at most 16 flows; a location in which something has moved lately costs a trace of
// 3.6 KB: 11 MB for 3,000 locations. What is silent for an hour is forgotten.
//
// # Not promised
//
// Nothing here survives a restart of the hub, nor needs to: hosts tell all again within seconds. Rates are of payload; headers and
// retransmissions are not in them. A board has one owner; what Census and the pages return shares nothing with it.
package board
