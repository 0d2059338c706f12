// SPDX-License-Identifier: Apache-2.0

// Package link is what a network does to datagrams, in one direction: it carries
// them at a rate, makes them wait in a buffer, drops or marks some of those that wait,
// polices, delays, loses and reorders them, bunches them in the air, and goes dark at times.
//
// A [Link] is a plain state machine. Time is an argument; nothing here reads a
// clock, sleeps or locks. The same link serves three clocks: the simulator's
// virtual time, full-stack tests inside testing/synctest (link/linktest), and
// real time on loopback (link/relay). A path of several bottlenecks is several
// links, each fed with what comes out of the one before.
//
// # The way of a packet
//
// In this order, and counted under the first that drops it:
//
//  1. MTU: larger packets vanish.
//  2. Blackout: nothing enters while the link is down.
//  3. The policer: what exceeds its rate is dropped.
//  4. Loss: a share of the packets is lost, in bursts or one by one. This is in front of
//     the buffer, where netem has it, so that figures compare with those measured
//     over netem; a lost packet takes no time on the wire.
//  5. The buffer: bounded in bytes, in time or in both. It drops its tail, an [FQCoDel] the
//     head of its fattest flow.
//  6. The queue manager, if there is one: [PIE] and [RED] decide when a packet comes, before
//     it takes its place; [CoDel] and [FQCoDel] when it is about to leave. Where a packet
//     can be marked they mark it, and its ECN comes out as CE.
//  7. The bottleneck: packets leave one after the other at the rate, or as the
//     opportunities of a [Trace] have room for them. What is in the buffer when a
//     blackout begins is lost.
//  8. Propagation: the delay and the jitter; then the air, if there is a [WiFi] or an [LTE];
//     and for some the reordering delay. What has left the bottleneck arrives, blackout or not.
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
// Where the future cannot be computed at the entrance, a link has a buffer of its own: with a
// queue manager, a trace, a schedule or a radio. Packets wait there in slots that are linked to
// queues, and what happens to them (the end of a service, an opportunity, a step of the
// schedule, an update of PIE, a blackout) happens in the order of its times whenever Send or Take
// come by: who asks late learns what was decided in time. So Deadline need not
// be asked for each of these events, only for arrivals; it may be early, when a packet that
// was to arrive is dropped instead, and then Take answers false.
//
// Loss, bursts, jitter, reordering and queue management have a random stream each, and every
// stream draws equally often for each packet sent, whatever becomes of the packet: switching one
// of them on does not change what the others do. The draws are made of integer
// comparisons, so that they are the same on every machine. The air draws by time, not by packet.
// Probabilities and averages of PIE and RED are floating point, of operations that
// are exact to the last bit everywhere.
//
// # What is not promised
//
// A link is not safe for use by several goroutines at once. There is no duplication and no
// corruption. PIE knows the rate and does not estimate it, and has none of the optional parts of
// RFC 8033 but ECN. CoDel looks at the bytes of its own queue where Linux's FQ-CoDel looks at those of
// all. A Wi-Fi link has its instants of delivery whether anybody sends or not, LTE no
// scheduling requests and no handover; both bunch packets and slow nothing down beyond the Rate.
// Beside a buffer of its own, a Send that comes after a Take of a later time finds what was
// decided until then decided.
package link
