// SPDX-License-Identifier: Apache-2.0

// Package agent is the endpoint's mind: what to fetch, whom to talk to, whom to serve, what to write down.
//
// Words. A *flow* is one content on its way to this host because somebody asked for it. A *holding* is one content
// whose manifest this host knows, with the chunks it has of it. A *peer* is another host of the fleet; peers of the
// same location are *neighbours*. The *edge* (agent/daemon) owns sockets, disk and clock.
//
// Core is a machine: the edge reports what happened in the past tense (PeerUp, Arrived, Stored ...), calls Advance
// at Deadline, and carries out what Take returns. Core routes and does not decide: the scheduler decides what to fetch
// from whom, Book whom to dial, Desk what may be read from disk to serve, Resolver whom to ask for a name.
//
// Nothing is announced before it is on disk: a chunk goes arrived -> verified -> stored -> announced. Flows, manifests
// and the addresses of peers are written to the journal before they are acted on, so that a host that was killed, or
// whose hub is gone, goes on from there.
//
// Core does not promise that a flow ever ends: it waits, with a reason, as long as nobody reachable has the chunks.
package agent
