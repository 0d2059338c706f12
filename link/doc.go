// SPDX-License-Identifier: Apache-2.0

// Package link is what a network does to datagrams, in one direction: it carries
// them at a rate, makes them wait in a buffer, drops what does not fit, delays,
// loses and reorders them, and goes dark at times.
//
// A [Link] is a plain state machine. Time is an argument; nothing here reads a
// clock, sleeps or locks. The same link serves three clocks: the simulator's
// virtual time, full-stack tests inside testing/synctest (link/linktest), and
// real time on loopback (link/relay).
//
// # The way of a packet
//
// In this order, and counted under the first that drops it:
//
//  1. MTU: larger packets vanish.
//  2. Blackout: nothing enters while the link is down.
//  3. Loss: a share of the packets is lost at random. This is in front of the
//     buffer, where netem has it, so that figures compare with those measured
//     over netem; a lost packet takes no time on the wire.
//  4. The buffer: drop-tail, bounded in bytes, in time or in both.
//  5. The bottleneck: packets leave one after the other at the rate. What is
//     in the buffer when a blackout begins is lost.
//  6. Propagation: the delay, the jitter, and for some the reordering delay.
//     What has left the bottleneck arrives, blackout or not.
//
// # Algorithm
//
// A FIFO at a known rate needs no queue to know when a packet leaves: one
// number, the instant at which everything accepted so far will have left, says
// how long the next one waits and whether it fits. That instant is kept exactly,
// as whole nanoseconds and a fraction over the rate, so that rounding never adds
// up: over any stretch of time the bottleneck passes what the rate allows and
// not a bit more. Packets ride in a ring in order of arrival; those that others
// overtake ride in a small heap beside it.
//
// Loss, jitter and reordering have a random stream each, and every stream makes
// one draw for each packet sent, whatever becomes of the packet: switching one
// of them on does not change what the others do. The draws are made of integer
// comparisons, so that they are the same on every machine.
//
// # What is not promised
//
// A link is not safe for use by several goroutines at once. There is no active queue
// management, no ECN marking, no duplication and no corruption. Burst loss
// is not modelled other than by a full buffer and blackouts.
package link
