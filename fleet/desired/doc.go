// SPDX-License-Identifier: Apache-2.0

// Package desired says what the hosts of a fleet should do: what they hold and by when, what is paused, what goes first, what is
// given up, who is no longer one of them, how they are set up, and what the network is that they are on.
//
// # Words
//
// A *selector* picks flows: all of them, or those of a content, a content type, a location, a peer, or of several of these at
// once. A *document* says one thing of one selector, its *scope*: that what it picks is paused, say. Scope, kind and, for orders,
// the name of the content are the document's *register*; whatever is said of one register later takes the place of what was said
// before. A document is signed by the fleet's CA, whose certificate every host pinned when it enrolled. Its *version* is the time
// at the hub in microseconds, or one more than the last version if that is greater: so all that a hub ever orders stands in one
// line, and a hub that was set up again from an older copy goes on behind what it has forgotten.
//
// # Merging
//
// A Book keeps of each register the document with the greatest version and, of two with one version, the one with the greater
// hash. That is the maximum of a total order, register by register; therefore the order in which documents are heard, and how
// often, makes no difference, and nothing ever goes back. A document that is no longer in force is kept, without effect, because
// what it replaced might come back otherwise. One that has *expired* is forgotten by everybody an hour after that and refused from
// then on; a document expires no earlier than the one whose place it takes.
//
// # What is in force
//
// Of the documents of one kind that pick a flow, the newest decides: after "pause all" and "resume berlin" everything is paused
// but Berlin, and after another "pause all" Berlin is paused too. One that has ended or was taken back (it is *void*) does not
// count, so that what was said before it holds again. A cancel ends what began before it and nothing that begins later. A stop
// holds everything still, the serving of others too, and no resume of a part lifts it. Whoever was revoked stays so until that is
// taken back.
//
// # Policies
//
// A policy gives a setting, its *key*, a value for what its scope picks. Here most specific wins, and not newest: a scope that names a
// content comes before one that does not, then one that names a type, then a peer, then a location, then all; of two that are equally
// specific, the newer. A *locked* policy comes before all that are not, by the same order among those that are. What wins is one whole
// value, never a mixture of two. Where a host or a flow was told something itself, that comes before a policy, and behind a locked one.
// A rollback says of each key and scope what was said at a time; it is a command like others, and can be undone.
//
// # Locations
//
// Of each location there is a document that says what its network is: link, subnets, near locations, as package fleet/topology has them; it
// is void when the location was taken away. Locate says anew what has changed, and nothing else. There may be a hundred thousand of them and none says
// anything of a flow, so a Book keeps them apart from the others, as they were signed. What a body means is not known here: one that a host does not
// understand is kept, handed on, and without effect. Locations that were said apart may contradict one another, as two do that claim one
// subnet: whoever makes a topology of them lets the newer have its way (topology.Merge), so that here too it makes no difference who was heard first.
//
// # Exchange
//
// A host holds only what may concern it: see Selector.Concerns. The Root of a host is 16 bytes over all that it should hold; a host
// that shows the right one needs nothing. One that shows another tells its Digest, 24 bytes a document, and Compare says what either
// side lacks. Since documents are signed, a hub takes them back from any host. Of the latest changes the roots in between are remembered, and
// of each location its last change: a host that lacks no more than these is told them without a digest (Behind).
//
// # Not promised
//
// Versions follow the hub's clock. A hub whose clock was set back and that has lost its state at the same time orders in vain, in
// registers that hosts remember, until it has heard from one of them. The flows that a cancel meets are found by the clock of
// their host, and whether a document has begun, has ended or has expired is judged by the clock of whoever holds it. A hub that was set up again
// says of a location what its operator changes there; where it is given as the hub still has it, what hosts have heard since holds.
// A location of which no host has heard is not learnt again. Nothing here opens, waits or locks; time is an argument.
package desired
