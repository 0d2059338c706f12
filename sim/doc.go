// SPDX-License-Identifier: Apache-2.0

// Package sim runs the machines that ship in virtual time, in one goroutine, from a seed.
//
// A World holds paths and flows. A Path is two links, forward and reverse. A Flow is a sender (controller, pacer and the
// bookkeeping of a datagram shim) and a receiver (arrival stamps, feedback) at the two ends of a path; its data goes forward, its
// feedback back. All flows of a path share its links.
//
// The world jumps from one deadline to the next; what is due at the same instant happens in a fixed order: scripted
// changes, arrivals, flows in the order they were added, the sampler. The same construction gives the same run, bit for bit.
//
// Not promised: nothing is retransmitted, so goodput is what arrived at all; there is no traffic of other kinds
// (CUBIC, calls) and no queue management yet; the machines are those of package ledbat, while the wire is not that of
// package transfer.
package sim
