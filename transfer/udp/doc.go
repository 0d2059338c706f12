// SPDX-License-Identifier: Apache-2.0

// Package udp sends and receives datagrams many at a time.
//
// # Words
//
// A batch is a run of bytes that leaves as datagrams of one size, its segments, to one address; only the last
// may be shorter. A message is a datagram that arrived. A relay is the way out of a network that forwards what it is handed
// behind a short header.
//
// # How it is fast
//
// On Linux the kernel cuts a batch into datagrams itself (UDP_SEGMENT) and joins arriving ones (UDP_GRO): one
// passage through the system for up to 64 datagrams instead of one for each, which makes them cost a tenth. Where kernel or
// network card refuse, which only the first attempt can tell, a Conn falls back to one call a datagram and stays there.
// Other systems always work that way.
//
// # What the network is told
//
// Datagrams carry the traffic class of the Config, usually LowEffort, and are never fragmented by this host or routers of
// IPv4, so that a probe of the path's size is honest; Linux, macOS and Windows are told so, other systems decide themselves.
//
// # What is not promised
//
// Whatever UDP does not: datagrams may be lost, doubled or late, and WriteBatch does not know. Messages of ICMP are not
// passed on. CE, and when a datagram came, are seen on Linux only; datagrams that came joined have the time of their first.
package udp
