// SPDX-License-Identifier: Apache-2.0

// Package sim runs the machines that ship in virtual time, in one goroutine, from a seed.
//
// # Words
//
// A World is links, flows and a clock. A Path is links in a row, forward and back. A Flow is a sending and a receiving Machine at the two ends of a
// path; its packets go forward, what they cause goes back. A Bulk is a flow of ours: transfer/shim with its real frames, the pacer and the
// controller that ship, or a share of a group. Other traffic is in package traffic.
//
// # Algorithm
//
// The world jumps from one event to the next: a link has something to take, a machine's deadline has come, a script acts, the traces take a
// sample. One event is pending for each link and each machine, packets wait inside the links. What is due at the same instant happens in
// the order in which it was entered. The same construction gives the same run, bit for bit.
//
// How far the figures agree with others' is in REFERENCES.md.
//
// # Not promised
//
// Nothing of ours is retransmitted, so goodput is what arrived at all; hosts take no time to compute.
package sim
