// SPDX-License-Identifier: Apache-2.0

// Package tun joins two network namespaces through two [link.Link]s in real time, so that anything that speaks IP can be measured on the
// same bottleneck: the kernel's TCP, other people's programs, and ours. It needs Linux and root.
//
// # Words
//
// The ends are left and right: each is a TUN device in a namespace. What leaves the left end passes the forward link and arrives at the
// right one; the other direction is the reverse link. A packet is an IP packet, and its size is that of the whole packet: a rate of
// 20 Mbit/s carries 20 Mbit/s of IP.
//
// # Algorithm
//
// One goroutine on a thread of its own owns the links and the devices. It reads all that has come, writes what has passed the links, and
// sleeps in ppoll until there is something to read or to write. After a pass that had something to do it does not look again for a grain of
// a quarter of a millisecond, because waking up for each packet is what would cost most; what came meanwhile counts as come in the middle
// of it, and what is due within half a grain leaves with the rest, so that packets are half a grain early or late and on time on average. The thread runs under SCHED_FIFO where the system allows it: otherwise busy programs at both ends would make the link late.
//
// TUN has no time stamps, so a packet has come when the loop could first see it. To keep that true, nothing may wait anywhere but in the link: the devices'
// own rings are read in every pass to the end and are long enough for the bursts of a grain.
//
// A link that is told to mark a packet gets it marked: the ECN field becomes CE (RFC 3168, section 5) and the checksum of the IPv4 header
// is corrected.
//
// Namespaces are made with unshare and a bind mount under /run/netns, as ip-netns(8) does, so that `ip netns exec` works with them and
// nothing needs to be installed.
//
// # What is not promised
//
// Packets that come to the two ends within a grain may change places between directions. IPv6 passes if somebody gives the devices
// addresses; the package itself gives them IPv4 ones only and switches autoconfiguration off. There is no routing: the ends reach each
// other, nobody else.
package tun
