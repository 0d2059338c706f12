// SPDX-License-Identifier: Apache-2.0

// Package daemon is the edge around agent.Core: sockets, disk, clock and the local API.
//
// Who runs. One goroutine, loop, owns the Core; everybody else sends it a function through events. Each conversation
// has one goroutine that owns its transfer.Session, and one that reads its connection. Chunks are hashed in the
// goroutine of the conversation that brought them, stored by one writer that commits whatever has queued up as one
// group, two groups at a time, and read by a few readers. The hub is asked by one goroutine. One runs the experiments that tell what our flows
// do to others. Nobody waits for the loop while holding anything, and the loop waits for nobody: what it hands out goes
// into mailboxes.
//
// Memory. Chunks under way are bounded by the scheduler (what is asked for), by each session's inbox, and by the
// desk (what is read to be served); mailboxes hold no more than these allow. Of letters there is one each way in a conversation, and one
// answer that is waited for; what is gathered for the hub fleet/relay bounds.
package daemon
