// SPDX-License-Identifier: Apache-2.0

// Package cache decides what this host keeps on its disk, what goes when room is needed, and how much may come in.
//
// # Words
//
// The quota bounds the bytes of our own chunks and counts nobody else's. The floor is what has to stay free on the
// volume for everybody else. A content is needed while a flow wants it; pinned when an operator said so; superseded when
// a newer version of its name is known; last when the location would have too few copies without this host's. A chunk is
// busy while it is read for a peer.
//
// # What goes first
//
// Superseded versions, then what was not used for the longest time, and what is the location's last copy behind
// everything else. A chunk that several contents share goes with the last of them. Needed, pinned and busy chunks never
// go. What nobody used for the maximum age goes without need, except a last copy of a current version.
//
// # How much comes in
//
// Room is what quota and floor leave, the smaller of the two. A Keeper makes room ahead of a flow, for what the flow
// still misses and at most for headroom; when nothing more may go, the flow waits, and says for which of the two. Below the floor
// space is given back at once, up to 1,024 chunks at a time, down to what may not go.
//
// # Time
//
// Age is counted in time lived (see Clock), not by the calendar: a clock that jumps a year makes nothing older than a
// day, and one that jumps back makes nothing younger.
//
// # Not promised
//
// The quota counts chunks; the journal with the signed manifests comes on top. Between two measurements of the volume
// others may fill it; whoever writes has to look once more. Two hosts that do not hear of one another may both take
// themselves for one of several, and the location loses its last copy.
package cache
