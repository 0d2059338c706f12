// SPDX-License-Identifier: Apache-2.0

// Package shim sits between SCTP and the sealed datagrams: it numbers and stamps what leaves, reports what arrives,
// measures one-way delay, round trip and loss from those reports, and drives a ledbat.Controller with them.
//
// # Words
//
// A packet is what SCTP wants sent. A frame is a packet, a probe, a greeting or nothing, behind the shim's header;
// sealed it is a datagram. Every datagram has a sequence number, which is also the nonce it is sealed with. A
// feedback says which sequence numbers arrived and when. A datagram is eliciting when its receiver owes a feedback for
// it: all are, but those that carry nothing else than feedback. Bytes in flight are those of eliciting
// datagrams neither acknowledged nor given up.
//
// # Algorithm
//
// The receiver keeps ranges of sequence numbers and the arrival times it has not reported yet. A feedback rides on
// whatever leaves, and leaves alone when 16 datagrams or min(RTT/4, 10 ms) have gone by. Ranges are repeated
// until the peer is known to have seen them, so a lost feedback costs delay samples and nothing else.
//
// The sender gives a datagram up when a later one was acknowledged and it is three behind, or older than 9/8 of the round
// trip (RFC 9002, section 6.1). When a datagram given up arrives after all, both thresholds are raised to what
// was seen. When nothing at all is acknowledged for the controller's timeout, everything in flight is given up and a
// probe goes out; when that remains unanswered too, the path is dark: only probes leave, one a second,
// until one is answered.
//
// SCTP has retransmission timers and loss detection of its own, made for other paths than ours. The guard
// reconciles them: what SCTP sends again while the first copy is still on its way is withheld, and dropped when that copy
// is acknowledged; a retransmission that is lost in its turn, which SCTP would notice only when its timer expires, is
// repeated; what SCTP sends into the dark is kept, each chunk once, until light returns. So reordering costs nothing, and
// the timer T3 has nothing to do. All that is sent again keeps to the pace and waits for room in the window or for the place of a datagram
// that landed, so that losses never make a flow send more. While the window is 0 it waits, too.
//
// Allow says how much more may leave. While nobody waits for permission, or the path is dark, the controller's deadlines are not kept: a
// window that opens for nobody is an occasion wasted.
//
// Samples are probes that are only timed, for ledbat/harm: neither the controller nor the loss detection knows of them, so that they
// may leave while the flow is silent without being taken for all that it has to send.
//
// # What is not promised
//
// The shim is not reliable: it may lose, double and reorder packets. While there is light it never delays a packet that
// SCTP sends for the first time, and none without data: permission is given above SCTP, by asking Window.
package shim
