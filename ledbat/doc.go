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
// answers with a window and a rate; a Pacer spreads the datagrams. Controllers share an interface, so that they can be
// compared; "rfc6817" is LEDBAT as RFC 6817 writes it: the window grows by at most one MSS a round trip while the queue delay
// is below the target, and shrinks while it is above, in proportion to the distance. "ledbatpp" is LEDBAT++ as
// draft-irtf-iccrg-ledbat-plus-plus-01 writes it: round trips instead of one-way delays, slower growth, multiplicative decrease, and
// slowdowns in which queues empty, so that several flows share fairly.
//
// An Estimator turns one-way delays into base and queue delay. It survives wrapping stamps and steps of either clock.
//
// All of it is plain values that take the time as an argument: nothing here reads a clock, locks, or allocates once it runs.
//
// # What is not promised
//
//   - Yielding to traffic that keeps its own queue shorter than the target: BBR, calls, anything behind an active queue
//     management. A delay target cannot do that.
//   - Fairness among flows of rfc6817: a newcomer to a standing queue takes it for the base and pushes the older flow aside
//     (RFC 6817, section 4.4). Those of ledbatpp share fairly, and pay for it with a tenth of the line where there is one alone.
//   - Clock skew is not removed: 100 ppm make 6 ms a minute, and a base ten minutes old is off by 60 ms. A rise of the
//     real base delay, as by a new route, is believed after ten minutes; so a flow that changes its address takes a
//     new Controller.
//   - Buffers of less than a few datagrams: feedback reports the smallest delay of a group of datagrams, and a queue
//     that comes and goes within the group is not seen.
//   - Truthful peers: a receiver that reports too little delay gets a higher rate, up to the losses that this causes.
package ledbat
