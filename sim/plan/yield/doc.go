// SPDX-License-Identifier: Apache-2.0

// Package yield knows what a controller makes of a path: how much of what the foreground leaves it uses, how long a start takes, how long it
// takes to come back, what it has of a link that others could fill, and what the foreground feels. It knows it from the packet level: see Measure.
//
// # Words
//
// A path is a link with its round trip, buffer, queue manager and loss. The load is the share of the link that the foreground needs. A cell
// is what was measured at one path and load; a curve is the cells of one path, by load. The usual path has a buffer of 100 ms, no queue
// manager and no random loss. The debt is what the foreground has asked for and not got yet: beside a controller it grows until as much crosses as is asked
// for, in a second with most queues, and in minutes where it is driven into timeouts, behind PIE on a slow link.
//
// # Algorithm
//
// The table has the usual path at all rates, round trips and loads; and at fewer of them what another buffer, a queue manager, loss, or one of the first
// two together with loss, makes of it. Between what was measured it goes in straight lines, not of the use but of the time that a byte takes, which is what
// grows evenly with the round trip where a window is what limits: rate and loss by their root, buffers nearly by their logarithm. Beyond the last it
// stays as it is. Where there is a queue manager the buffer does not matter. Beside a queue that is not usual one loss was measured; others do more or
// less there as they do more or less where it is.
//
// A cell is measured until eight blocks of its time agree, or for half a million datagrams: how often a short transfer meets a window that takes
// hundreds of round trips to grow is chance for a long time.
//
// A table is a text, one cell a line. It holds for each controller a fingerprint: a hash of what controller, shim, link and foreground did in a few
// short runs when the table was made. Where that is not what they do now, the table is stale: ebb sim calibrate makes it anew, in some ten CPU minutes
// a controller.
//
// # Not promised
//
// Use beside short transfers is the mean of long times. Over a minute, and with ebb over several, it may be half as much or twice. What a start costs is
// known where nobody else is. Links faster than 64 Mbit/s or slower than 1 count as these.
package yield
