// SPDX-License-Identifier: Apache-2.0

// Package ledger counts what content costs: which bytes went from which location to which, for what, and what became of them.
//
// # Words
//
// Bytes are payload: bytes of chunks and manifests, as they were cut into and taken out of data messages. The class says what they
// crossed: lan within a location, wan between two, origin from the hub. An entry is what one host counted for one content between two
// locations: what it received and what became of that, and what it sent. An epoch is a life of a host's book: a host that has lost its
// journal begins a new one.
//
// Of what was received, verified had the right hash and was kept; rejected had a wrong one; duplicate was right and was here already, or
// came twice; canceled was of requests that were taken back, refused in the middle, or cut off by the end of a conversation or of the
// process. received = verified + rejected + duplicate + canceled + what is on its way (invariant I12).
//
// # Algorithm
//
// Book is a host's own. Its counters only grow. What has changed is written to the journal before it is reported, and reported as it
// stands, not as a difference; so a report that is lost, doubled or late does no harm: whoever gathers keeps the greatest value of each
// counter of each (host, epoch, entry). Reports are bounded; what was acknowledged is not said again. Totals adds up many books by the
// location that received.
//
// Both ends of a conversation count the same bytes: what a host sent to another, over all contents, equals what that one received from
// it, once the conversations have ended with everything delivered. They agree by content too, unless the two know different contents
// that share the chunk.
//
// # Amplification
//
// Of a location and a content: bytes received by its hosts as wan or origin, divided by the bytes of the distinct chunks of the content;
// reckoned from the moment on when a host of the location has reported to hold all of it, unknown before. 1.0 says that the content
// crossed the WAN link once; less, that some of its chunks were there already. Retransmissions, headers and acknowledgements are not in
// it; the bytes of datagrams are counted beside, per peer.
//
// # Not promised
//
// A host that is killed loses what it counted since the last record: the other end then knows more. What comes over the control port
// (manifests from the hub, reports) is not counted. Beyond 4096 entries and 1024 peers the rest is added up under no name.
package ledger
