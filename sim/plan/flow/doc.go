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
// asks for a few percent more than its load is what decides. What it asks for waits as long as the table says that others wait beside us, and the link is
// ours meanwhile. When it has been drawn for so long that chance has evened out, its load is enough. What becomes of these bytes is package site's
// business. Where locations share nothing, each is played from beginning to end. Where the origin or a region has a limit, they meet: a second after what
// happens to many at once, then ever more seldom, and once a minute at last. There the foreground of a region takes its part of the region's link first, and
// the rest is divided max-min fair, one share a location. Whoever begins between two meetings waits for the next.
//
// All sums that several workers take part in are of whole numbers, so that the outcome is the same, bit for bit, for any number of them.
//
// # What is shared with the code that ships
//
// See package site, and package yield: the table is measured with the controllers that ship.
//
// # How far it is from the packet level
//
// Measured in 50 random small scenarios with rfc6817 (go test ./sim/plan/packet
// -run FlowAgainst -scenarios 50 -budget 1500000 -v; bench/results has every line): completion is 0.9 % off at the median, 2.3 % at the third quartile,
// 6.5 % at the ninetieth percentile, 12.6 % at the 95th and 93 % at worst. In 50 others (-first 51) it is 1.0, 2.6, 6.4, 14.4 and 108 %. Without round trips
// of 600 ms it is 0.8, 1.9, 4.3, 7.7 and 44 %, and 0.9, 2.2, 4.0, 7.7 and 108 %. In 24 that nobody had looked at before
// (-first 101), one of them on satellites, it is 0.6, 1.3, 3.5, 19 and 35 %, and without that one 0.6, 1.0, 2.8, 3.5 and 10 %.
// The bars are 3 % at the median, 8 % at the 95th percentile and 15 % at worst: the median keeps to them, the 95th does without satellites, the worst does
// not. Bytes over the WAN are the same: which bytes cross is package site's business at both levels. With ledbatpp it is 1.5, 3.6, 10.6, 12.2 and 48 %
// (24 scenarios). With ebb it was 10, 26, 48, 90 and 148 % (14 scenarios), before it shared links: on thin ones it uses a tenth of what short transfers leave,
// so unevenly that neither a cell nor a scenario lasts long enough for a mean. With ebb, the controller that daemons have if nobody chooses, and a
// foreground a plan is right within a factor of about two in most locations, and of seven in the worst (examples/plan/shops.yaml).
//
// What is far off:
//
//   - Chance at the packet level itself. Behind PIE on a link of 1 or 2 Mbit/s others fall into timeouts after some time, or do not: with another seed for
//     the queue, and the same transfers, the same fetch takes 178, 182, 238 or 270 s.
//   - Edges. An error of 1 % decides whether an order ends before a window closes, a busy hour begins or a more urgent order comes, and is then as large as
//     that.
//   - Satellites in an hour that asks for all of the link or more. Some quarter of an hour into it the controller has five or ten times as much of the link
//     as before, presumably because ten minutes of a full queue have become its base delay; the table knows what it has before.
//   - Satellites behind CoDel and FQ-CoDel where others ask for a few percent: that is measured at no load between 0 and .15.
//   - Rates between those that were measured. What others' single packets add to the queue is compared with bounds of a few milliseconds (what the judge of
//     losses takes for an empty queue, CoDel's target): what is used jumps by a tenth or two where one packet more fits, at 3.2, 6.4 and 9.6 Mbit/s among
//     others.
//
// # What it takes
//
// On one core of a server of 2025 that had ten other things to do, for one content of 6 GB: 2,000 locations of 50 hosts .5 CPU-s and 22 MB, and 3 CPU-s
// and 34 MB when they share the origin's link; a million hosts in 10,000 locations 2.8 CPU-s and 64 MB, and 26 CPU-s and 141 MB (go test -bench
// Thousands).
//
// # Not promised
//
// What the foreground feels is the table's. It is taken to cross the region's link as well as the location's, there with its
// load. Upward links are never the bottleneck. A rate that changes within a minute (a trace) counts as its mean.
package flow
