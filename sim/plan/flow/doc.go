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
// Measured in 24 random small scenarios with rfc6817, the controller that daemons have if nobody chooses (go test ./sim/plan/packet
// -run FlowAgainst -scenarios 24 -budget 1500000 -v): completion is 2.4 % off at the median, 7.7 % at the third quartile, 35 % at the
// ninetieth percentile and 244 % at worst. Without round trips of 600 ms it is 1.6, 4.2, 9.8 (14.6 at the 95th) and 244 %: the median
// keeps to the bar of 3 %, the tail does not keep to 8 and 15. Bytes over the WAN are the same: which bytes cross is package site's
// business at both levels.
//
// What is far off: satellites, where a window takes minutes to grow, longer than a cell is measured; fair queues beside a foreground of
// more than half of the link (see package lane); and links that are nearly full, where 2 % more of a foreground, which is chance in a
// quarter of an hour, are 20 % less for us. ebb and ledbatpp have not been measured so; beside short transfers ebb's use is so uneven that
// more must be expected.
//
// # What it takes
//
// On one core of a server of 2025, for one content of 6 GB: 2,000 locations of 50 hosts .1 CPU-s and 18 MB, and 1 CPU-s and 30 MB when they share
// the origin's link; a million hosts in 10,000 locations .4 CPU-s and 56 MB, and 10 CPU-s and 130 MB (go test -bench Thousands).
//
// # Not promised
//
// The foreground never waits for us; what it feels is the table's. It is taken to cross the region's link as well as the location's, there with its
// load. Upward links are never the bottleneck. A rate that changes within a minute (a trace) counts as its mean.
package flow
