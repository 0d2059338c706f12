// SPDX-License-Identifier: Apache-2.0

// Package gentle decides whether this host may serve others now, how many at once and how fast, so that whoever it belongs to does not
// feel it.
//
// # Words
//
// A sample is what the sensors of the host say at one time. Busy is the share of all processors' time that others on this host use; our
// own part is left out, or serving would forbid itself. The disk queue is the mean number of requests that wait for or are at the disk
// of the state directory. A refusal is a reason that the asker is told (transfer.Reason): cpu, disk, battery, vpn, metered, slots, rate.
//
// # Algorithm
//
// Gate has a latch for each quantity. One that measures (cpu, disk) closes when the limit was exceeded for 4 s without a break, and opens
// when the value was under seven eighths of the limit for 10 s, but not before it was closed for 15 s. One that knows (battery, vpn,
// metered) closes at once and opens 5 s after the cause is gone, because plugs and tunnels bounce. What a sensor cannot tell is unknown
// and never closes anything, and neither does a sample that is older than 30 s.
//
// Door stands before the desk: it asks the gate, then gives each peer that asks a slot, and refuses when what was promised would keep the
// upload cap busy for more than 8 s: the asker is better served elsewhere. A slot is free again when its peer has nothing open and has
// asked for nothing for 5 s.
//
// Cap is a rate for all conversations together, a token bucket of one burst. See there for how exact it is.
//
// # Not promised
//
// What is being answered when the gate closes is finished: a few chunks a peer. Manifests and names are always told, because they are
// small and others need them to go elsewhere. The disk queue includes our own requests. Fairness among those who share a cap is that of
// their timers.
package gentle
