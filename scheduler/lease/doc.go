// SPDX-License-Identifier: Apache-2.0

// Package lease decides which host of a location fetches which chunks of a content from beyond it, so that every
// chunk crosses the location's WAN link once.
//
// # Words
//
// A content is divided into *ranges* of up to 64 consecutive chunks. A *lease* says that one host, its *holder*,
// fetches a range for the whole location; everybody else takes these chunks over the LAN. A host with a lease is a
// *fetcher*; a location has Config.Seats of them at a time and content. A *claim* is the message in which a holder
// takes, renews, finishes or gives back a lease. A *neighbour* is a host of the location that we talk to and that
// fetches the content too; not everybody is everybody's neighbour.
//
// # The algorithm
//
// There is no arbiter and no election. A claim goes to all neighbours, and who hears something new passes it on, so
// that it reaches the whole location in a few hops. All hosts keep the same claim of several for a range:
//
//   - The higher token wins: a *fencing token* grows with each new holder of a range. A claim with a lower token is a
//     lease from the past; it changes nothing, and its sender hears the claim that is in force.
//   - Of equal tokens, the host that stands first in the line wins; then the smaller name, then the smaller life.
//     A *life* is a number drawn at the start of a host: it tells a host from its earlier self, and from another
//     host with the same identity.
//   - Of one holder's claims with one token, the higher beat wins. Beats count what it said.
//
// The *line* is the rendezvous order of the hosts for the content (Thaler and Ravishankar, "Using name-based mappings
// to increase hit rates", 1998). A host of weight w draws w numbers and takes the lowest, so that its chance to be
// first is proportional to w; one of weight 0 fetches from beyond only while nobody else can. Hosts tell their neighbours the weight they
// *stand* with, and say 0 while nothing beyond the location is in their reach.
//
// A host takes a free seat when the neighbours before it in the line, if they have not taken it, have had a moment each
// to do so. Who finds more fetchers than seats before it in the line gives back what it has not begun, and takes no
// new range after what it has begun. A fetcher chooses free ranges by rendezvous too, so that two of them seldom
// choose the same.
//
// A lease ends 15 s after it was last renewed; it is renewed every 5 s. Times are told as durations that are left, never
// as a time of day. When it ended, when the connection to its holder did and nothing is heard of it through others for 7 s, at once when its
// holder's process is known to have ended, or when its holder fetched nothing for Config.Patience, the range is free, and the next fetcher goes on with those of its chunks that are not in the location. A holder that
// brought nothing is not believed for a minute, and twice as long each time after that.
//
// # Not promised
//
// Once is a promise between hosts that can hear each other. Two that cannot (a divided LAN) are two locations, until
// they can again. Two that claim one range at once may both have asked for a chunk by the time they know. A host of
// the fleet that lies about leases can make others wait, for at most ten times Config.Patience each time, and can make them fetch
// a chunk twice; what it cannot do is keep them from fetching.
package lease
