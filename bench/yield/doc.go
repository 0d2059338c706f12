// SPDX-License-Identifier: Apache-2.0

// Package yield measures how well a background transfer gives way to what others do: real programs against the kernel's TCP, in real time,
// over the links of `ebb link`. It needs Linux and root.
//
// # Words
//
// The background is what should give way: ebb (a hub that has published a content, and an agent that fetches it), TCP under some congestion
// control, or somebody else's program. The foreground is what it should give way to: a bulk TCP flow under cubic, bbr or reno; 100 kB
// fetched over a new TCP connection each second; a call of 50 packets/s over UDP. All data goes from left to right, over one bottleneck.
//
// A scenario is a link. A cell is one background in one scenario. A chain is one course of a cell: the background starts and is left alone
// for a while, then one foreground after the other comes, stays, and leaves. Of several chains, and of as many courses of each foreground
// with nothing beside it, the medians are shown.
//
// # What is measured
//
//   - Kept: what a bulk foreground carried, from its connection to its end, slow start and all, as a share of what it carried alone.
//   - The call's one-way delay, by the kernel's time stamps, and the time from a fetch's connect to its last byte.
//   - Link used: what the background alone puts through the bottleneck, headers and all, as a share of its rate. Queue p95: the 95th
//     percentile of the queue delay meanwhile, from the link itself every 10 ms. Both after a few seconds of warming up.
//   - Gives way: until the foreground, over the second that follows, carries 80 % of what it carries in that second of its course alone.
//   - Back: from the foreground's end until 80 % of the link is used over the half second that follows.
//
// The same is then played in the simulator, for the backgrounds that it has: the same link, times, foregrounds and rounds. The two stand
// beside each other in the table.
//
// The flows are sockets that this process opens in the namespaces: one clock for all of them, and nothing to be parsed. Everything else is a
// process of its own in its namespace.
//
// # What is not promised
//
// Sampling is coarse: courses are in steps of 100 ms. What a foreground leaves in the buffer counts as use of the link for as long as it
// takes to drain. Processes share the machine's cores; the load at the start is printed.
//
// The simulator is not within 10 % where queues stand: over 20 Mbit/s with 100 ms of buffer CUBIC beside CUBIC had 4.7 Mbit/s of the kernel's and
// 6.2 simulated, Reno beside CUBIC 5.4 and 3.1, CUBIC beside rfc6817 11.3 and 7.7, of one round on a busy machine. The kernel's CUBIC alone
// has a queue of 84 ms (p95) there, the simulator's of 99. Why is not known.
package yield
