// SPDX-License-Identifier: Apache-2.0

// Package sites distributes a content to whole locations and counts what crosses their links: real processes, each host in a network
// namespace of its own, the kernel between them.
//
// # Words
//
// A site is one location: its hosts on a bridge, its gateway, and its uplink, which is the real-time link emulator. The core is where the
// uplinks meet and where the hub is. The amplification of a site is the bytes of chunks that were sent to it from beyond, whole or in part,
// over the size of the content: 1 is one copy. On the wire it is what came down its uplink: headers of IP, UDP, DTLS and SCTP (6 % of full
// datagrams), acknowledgements of what its hosts send to others, repeats and the talk of the hosts included.
//
// # How it goes
//
// All hosts ask for the content at once. On a plan, the host of each site that brings most over the uplink is killed with SIGKILL and
// started again three seconds later, and the hub is stopped when half has arrived and started again later. Every output is compared with
// what was published. A host's time to completion runs from the common start.
//
//	core (hub) -- veth -- up-N == ebb link == gw-N -- bridge -- hosts
//
// # What is not promised
//
// All hosts share this machine's processors, so times to completion with many hosts are of this machine, too. Linux and root are
// needed, and ip of iproute2.
package sites
