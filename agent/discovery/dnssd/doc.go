// SPDX-License-Identifier: Apache-2.0

// Package dnssd is the edge of discovery: DNS-SD (RFC 6763) over multicast DNS (RFC 6762), on the interfaces of this host.
//
// A Responder answers questions for _ebb._udp.local and says nothing unless asked. Ask puts the question as a one-shot query (RFC 6762,
// section 5.1): from a port of its own, on every interface that takes multicast, and takes in for a moment what comes back. So it
// needs no share of port 5353, is right about interfaces that have come or gone since the last time, and needs no route for multicast.
//
// Both are written for a network in which anybody may send anything. Answers count only from the link they were asked on (section 11), with
// the number of the question and the fleet's tag, and name only the address they come from; a question is padded (RFC 7830), and an
// answer to one address is never longer than the question; so many answers a second, no more. Nothing that comes is kept: there is no
// cache. One goroutine a family of addresses runs a Responder, one an interface during Ask, and all have ended when Close or Ask returns.
//
// It is answered over IPv4 and IPv6, and asked over IPv6 where the interface has no IPv4. Not over link-local addresses: what is found there
// would mean something else, or nothing, at the hub and at other hosts.
package dnssd
