// SPDX-License-Identifier: Apache-2.0

// Package yield knows what a controller makes of a path: how much of what the foreground leaves it uses, how long a start takes, how long it
// takes to come back, and what the foreground feels. It knows it from the packet level: see Measure.
//
// # Words
//
// A path is a link with its round trip, buffer, queue manager and loss. The load is the share of the link that the foreground needs. A cell
// is what was measured at one path and load; a curve is the cells of one path, by load. The usual path has a buffer of 100 ms, no queue
// manager and no random loss. Odds are use/(1-use).
//
// # Algorithm
//
// The table has the usual path at all rates, round trips and loads; and for other buffers, for queue managers and for loss, at one or two rates,
// how much the odds of use change with them. Between cells it goes in straight lines of the odds, rate and round trip nearly by their
// logarithm; beyond the last cell it stays as it is. What several things do together is the product of what each does alone.
//
// A table is a text, one cell a line. It holds for each controller a fingerprint: a hash of what controller, shim, link and foreground did in a few
// short runs when the table was made. Where that is not what they do now, the table is stale: ebb sim calibrate makes it anew.
//
// # Not promised
//
// Use beside short transfers is the mean of long times. Over a minute, and with ebb over several, it may be half as much or twice. That buffer,
// queue manager and loss act independently is not true, only near. Links faster than 64 Mbit/s or slower than 1 count as these.
package yield
