// SPDX-License-Identifier: Apache-2.0

// Package relay is the WAN of one location, emulated in real time on loopback by
// two [link.Link]s. It needs no privileges.
//
// # Words
//
// Hosts of the location send their datagrams to the inside address, each with the
// UDP request header of RFC 1928, section 7, in front, which says where it is to
// go. It passes the up link and leaves from the outside address of its host. What
// anybody sends to that outside address passes the down link and reaches the host
// from the inside address, with a header in front that says where it came from.
//
// A host is an address that has sent something with a header. It gets one outside
// address at its first datagram and keeps it while the relay runs, whoever it talks
// to, and whoever sends to it gets through: a full-cone NAT (RFC 3489, section 5).
// All hosts share the up and the down link, as they share an office's line.
//
// # Algorithm
//
// One goroutine owns the links and the sockets. It reads what has come, sends what
// has passed the links, and sleeps until there is something to read or to send;
// while there is much of both it passes once a millisecond and asks for nothing in
// between, because waking up is what costs most.
//
// The links compute when each datagram leaves, from the time at which the kernel
// received it where the kernel tells (Linux), not from when it was read. So a
// relay that runs late loses no time of the line: it catches up with the link's
// schedule, and the rate is exact over any time longer than the lateness.
//
// The ECN codepoint of a datagram passes with it, and may come out as CE (RFC 3168), where
// the system tells and takes it (Linux); elsewhere every datagram is Not-ECT. To flow queueing, a
// host and its peer are a flow.
//
// # What is not promised
//
// Datagrams leave up to half a millisecond early or late, and on a busy machine
// later by what the scheduler takes; Stats does not show it. Those that come to the
// outside addresses of two hosts within a millisecond may change places.
//
// Only UDP, no fragments, no TCP association: the header's format is all that is
// taken from RFC 1928. The relay speaks with loopback addresses only and must not
// be mistaken for a proxy.
package relay
