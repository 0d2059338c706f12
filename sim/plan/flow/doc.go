// SPDX-License-Identifier: Apache-2.0

// Package flow plays a scenario with bytes as a fluid, for thousands of locations.
//
// # Words
//
// A part is the locations that one worker plays. A meeting is a moment at which all locations have been played equally far, and shared links
// are divided among them anew. The level of a link is the rate that those get who would take more.
//
// # Algorithm
//
// A location's WAN link brings what the foreground leaves, times what its controller makes of that by the table of package yield, and nothing for
// as long as a start takes. The foreground is a fluid of the very transfers that the packet level has: on a slow link, a quarter of an hour in which it
// asks for a few percent more than its load is what decides. When it has been drawn for so long that chance has evened out, its load is enough. What
// becomes of these bytes is package site's business. Where locations share nothing, each is played
// from beginning to end. Where the origin or a region has a limit, they meet: a second after what happens to many at once, then ever
// more seldom, and once a minute at last. There the foreground of a region takes its part of the region's link first, and the rest is
// divided max-min fair, one share a location. Whoever begins between two meetings waits for the next.
//
// All sums that several workers take part in are of whole numbers, so that the outcome is the same, bit for bit, for any number of them.
//
// # What is shared with the code that ships
//
// See package site, and package yield: the table is measured with the controllers that ship.
//
// # How far it is from the packet level
//
// Measured in 50 random small scenarios with rfc6817, the controller that daemons have if nobody chooses (go test ./sim/plan/packet
// -run FlowAgainst -scenarios 50 -budget 1500000 -v; bench/results has every line): completion is 1.2 % off at the median, 3.0 % at the third quartile,
// 7.2 % at the ninetieth percentile, 12.5 % at the 95th and 103 % at worst. Without round trips of 600 ms it is 0.9, 2.7, 4.5, 7.6 and 52 %. The bars
// are 3 % at the median, 8 % at the 95th percentile and 15 % at worst: the median keeps to them, the 95th does without satellites, the worst does
// not. Bytes over the WAN are the same: which bytes cross is package site's business at both levels. With ledbatpp it is 2.0, 5.4, 11.6,
// 15.0 and 45 % (24 scenarios). With ebb it is 21, 51, 86, 116 and 133 % (9 scenarios): beside short transfers it uses a tenth or less of what they leave,
// so unevenly that neither a cell nor a scenario lasts long enough for a mean. With ebb and a foreground a plan is right within a factor of about two.
//
// What is far off: satellites, where what happens to a window in a cell of six minutes is still chance; PIE on links of 1 or 2 Mbit/s, where we take from
// transfers for some minutes what they get back later; CoDel where the round trip is just above its interval of 100 ms, between two that were measured; and
// whatever small error makes the difference of whether a busy hour, a night or a more urgent order comes in between: it is then as large as that.
//
// # What it takes
//
// On one core of a server of 2025 that had ten other things to do, for one content of 6 GB: 2,000 locations of 50 hosts .5 CPU-s and 22 MB, and 3 CPU-s
// and 34 MB when they share the origin's link; a million hosts in 10,000 locations 2.8 CPU-s and 64 MB, and 26 CPU-s and 141 MB (go test -bench
// Thousands).
//
// # Not promised
//
// The foreground never waits for us; what it feels is the table's. It is taken to cross the region's link as well as the location's, there with its
// load. Upward links are never the bottleneck. A rate that changes within a minute (a trace) counts as its mean.
package flow
