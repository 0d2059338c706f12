// SPDX-License-Identifier: Apache-2.0

// Package ledbat decides how fast a flow may send so that it does not stand in the way of other traffic.
//
// # Words
//
// One-way delay is what a datagram took from sender to receiver, by two clocks that do not agree. Its smallest value
// in ten minutes is the base delay, and what exceeds that is queue delay: time spent waiting in front of a
// bottleneck, behind our own datagrams or somebody else's. The target is the queue delay a controller aims for. The window
// is how many bytes may be in flight, the rate how fast they may leave, the congestion timeout (CTO) how long to wait for
// any acknowledgement.
//
// # How it works
//
// A datagram shim reports what it sent, what was acknowledged with which delay, and what was lost, to a Controller, which
// answers with a window and a rate; a Pacer spreads the datagrams. Three controllers share the interface, so that they can be
// compared.
//
// "rfc6817" is LEDBAT as RFC 6817 writes it: the window grows by at most one MSS a round trip while the queue delay
// is below the target, and shrinks while it is above, in proportion to the distance. "ledbatpp" is LEDBAT++ as
// draft-irtf-iccrg-ledbat-plus-plus-01 writes it: round trips instead of one-way delays, slower growth, multiplicative decrease, and
// slowdowns in which queues empty, so that several flows share fairly.
//
// "ebb" has no target. A delay target cannot yield to traffic that keeps its own queue shorter, nor where the queue cannot
// reach it. Ebb learns the capacity of the bottleneck and sends at 99 % of it, so it makes no queue, and every queue that lasts
// is somebody else's:
//
//   - It starts with trains of datagrams. The first arrives at the capacity, whatever it left with; when the next ones arrive as
//     fast as they left, the link is free, and a few round trips later it is in use. Trains that the application had too little for are
//     begun again, and of those that are heard of late only so much is believed; then the next ones, or lifts, look for more.
//   - It watches the smallest delays of the last quarter of a round trip. On a path with jitter the filter becomes longer,
//     and the threshold rises above the noise, as both are measured.
//   - Above the threshold, after a mark or after a congestive loss, it leaves: at once where there is no jitter, in steps where there is.
//     Its floor is 0.75 % of the capacity, spent as pulses. Two datagrams that leave together arrive as far apart as the bottleneck
//     takes for one, whoever else is there; a third one shows whether somebody came between. A dozen pulses without
//     queue and without anybody between, and it returns; when the others come again soon, it waits longer the next time.
//   - Where pulses mostly find the link free and yet meet somebody, others come and go. Then it shares the link: it takes a part of at most 0.8,
//     steps aside with three quarters of that whenever a queue shows, until 1.5 round trips after it, and lets the part grow while the link is free for
//     more than 0.3 of the time. A queue that stands for three steps is somebody who stays, and it leaves.
//   - Pairs also tell whether a path jitters at all. Where they do not differ, whatever changes is a queue, however it looks to the filter.
//   - A survey of pulses whose delay stays the same, and between whose datagrams nobody comes, has crossed a free path however long it
//     is: their delay is the new base, and their distance the capacity.
//   - Its own datagrams it counts as they left and as the bottleneck takes them, so that a burst of a late host is not taken for others. A
//     queue that comes out of nothing, when nobody has been seen for long, is excused twice: half of the rate is given up, and if the
//     queue drains as it must when nobody else sends, the bottleneck had stood still.
//   - Now and then it lifts its rate by a few percent for a round trip. If the delay grows as it must on a full link, the link is full;
//     if not, there is more.
//
// The drift of the two clocks is taken out of the delays: a drift shows forward and back with opposite signs, a queue does not. A
// verifier compares what the receiver's stamps say with what is acknowledged by the sender's clock, so that a peer that lies about
// delay gains nothing.
//
// An Estimator turns one-way delays into base and queue delay. It survives wrapping stamps and steps of either clock.
//
// All of it is plain values that take the time as an argument: nothing here reads a clock, locks, or allocates once it runs.
//
// # What is not promised
//
//   - rfc6817 and ledbatpp do not yield to traffic that keeps its own queue shorter than their target: BBR, calls, anything behind
//     an active queue management; and their base delay takes in the drift of the clocks, 6 ms a minute at 100 ppm.
//   - Fairness among flows of rfc6817: a newcomer to a standing queue takes it for the base and pushes the older flow aside
//     (RFC 6817, section 4.4). Those of ledbatpp share fairly, and pay for it with a tenth of the line where there is one alone.
//   - A flow with a limit (Limiter) comes back to a link of which others of its location use four fifths only by chance.
//   - Fairness, or a full link, among hosts that run ebb each for itself over one link: they take turns of seconds, not all of them
//     the same number, and leave a quarter of it unused; more where three datagrams together are no queue to be seen, above 30 Mbit/s, or where
//     a link loses datagrams. Flows of one host can share one controller, and hosts of one location its leases (package group).
//   - ebb behind a fair queue (FQ-CoDel): its own delay says nothing about the others there, and it takes a fair share until it has been
//     at its floor, where pairs that nobody came between show the capacity; then mostly a seventh of the link, and now and then a half. It may share
//     such a link with somebody who stays, as no queue shows; each time that ends in a queue it waits longer.
//   - ebb beside short transfers that come all the time: where they take 30 % of 50 Mbit/s it uses a quarter of the rest, half beside people
//     who read the web, and a twentieth where they take 70 %; less on thin links, where the floor pays for fewer pulses. On a path with
//     jitter, or one that takes more than 5 ms for a datagram, it cannot share, and leaves for each. The first transfer after a time of nobody
//     meets a full link, and waits a round trip longer.
//   - A return within a second on a thin link: 12 pulses of three datagrams are 80 ms of 5 Mbit/s, and the floor has to save for them.
//   - ebb on a bottleneck that becomes slower: it leaves, and a survey needs a second or three to find that nobody else is there.
//   - A full link from the start on a path with jitter: where that is many times what a datagram takes, a train tells the jitter and not the
//     bottleneck, a tenth to a quarter of the capacity is found, and lifts need five to twenty seconds for the rest, because each has to stand out
//     of the noise. Trains cannot simply go on there: others' datagrams in a small buffer scatter them alike.
//   - A full link where ebb's host, or the bottleneck's, is so busy that it stands still several times a second: it takes 60 to 95 %.
//   - ebb on paths that become too narrow for datagrams in use: the first parts of packets, of two seconds at least, tell it nothing;
//     where other members of a group send full datagrams, they never do.
//   - A rise of the real base delay, as by a new route, is believed by ebb in seconds where two datagrams can be told apart, that is where
//     there is little jitter and one of them takes less than 5 ms; otherwise, and by the others, after ten minutes. So a flow
//     that changes its address takes a new Controller.
package ledbat
