// SPDX-License-Identifier: Apache-2.0

// Package traffic models what else is on the link: TCP with the congestion controls in use, calls, short transfers and pages.
//
// # Words
//
// A segment is a piece of data; its sequence counts segments. A packet is one transmission of a segment; its number counts transmissions,
// as in QUIC (RFC 9002, section 3), so that loss detection, round trips and delivery rates are never ambiguous. A round is a round trip,
// counted by packets. Windows are in packets.
//
// # Algorithm
//
// The sender keeps a record of every packet in flight. An acknowledgement names the run of numbers that came in last and the first segment
// that is missing. A packet is lost when three later ones were acknowledged (RFC 5681, section 3.2) or when it is overdue by a quarter of a
// round trip (RFC 8985); two round trips of silence are probed (RFC 8985, section 7), a whole RTO (RFC 6298) starts anew. What may be in flight
// is a control's business, and during recovery that of the Proportional Rate Reduction (RFC 6937).
//
// # Not promised
//
// Segments are whole or the last of a transfer; there is no receive window, no Nagle, no segmentation offload, and no undo of a reduction that
// turns out to be spurious. Both ends have all time in the world: no processing delay.
package traffic
