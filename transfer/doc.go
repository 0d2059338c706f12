// SPDX-License-Identifier: Apache-2.0

// Package transfer is the conversation between two hosts: what they say to each other to move chunks and manifests, and
// the machine that says it. It is pure: time is an argument, messages come in and go out as bytes, nothing is opened,
// started or waited for. It does not know which carrier brings the messages.
//
// # Words
//
// A session is one end of a conversation. Its owner is the code that calls it; the peer is the host at the other end.
// A message is one whole message of the carrier; WIRE.md describes each, byte by byte. A request is a Want (for a chunk
// or a manifest) or a Find (for the id of a name); each side numbers its own. An answer is the bytes that a Want asked
// for; it travels in pieces. The inbox is the memory set aside for answers that are not complete. An event is what a
// session tells its owner.
//
// # The calling protocol
//
// Deliver what arrives. After any call, Take events until there are no more. Whenever the carrier may send, and only
// then, cut messages with Next until there are no more. Call Advance not later than Deadline. One goroutine does all
// this for one session.
//
// # How it works
//
// Both sides say Hello first: versions, of which the highest common one is spoken; capabilities, of which unknown ones
// are ignored; and how much may be asked of them. Then both ask, tell and serve at the same time.
//
// What to send is decided as late as possible. Nothing is put into messages before Next is called, so a Cancel stops an
// answer between two pieces, an urgent answer overtakes one that has begun, and news about chunks that could not leave
// is merged into what is true now. Control messages go before data; data go by priority and, within one, answer by answer.
//
// Data pieces are marked unordered: a carrier that can may let them overtake each other, so that one lost datagram does
// not hold up what is complete behind it. The receiver puts them together by offset, in a buffer of the declared size,
// which must be the size that was asked for. Control messages must arrive in the order they were cut.
//
// Everything is bounded before it is believed: the length of a message before it is parsed, answers by the inbox before
// they are asked for, requests and followed contents by what Hello allows, answers to the peer by what waits to be sent.
// What breaks the protocol ends the session with a ProtocolError that names the peer's fault. Every byte that arrived is
// accounted once (Stats).
//
// # What is not promised
//
// Bytes are not hashed: whoever gets Received compares them with the id. Nothing is encrypted or authenticated; that the
// peer is who Hello says is for the carrier's certificate to show. Nothing is repeated: the carrier loses no message, or
// it ends. A session that is told of silence (PingTimeout) or a stall (Stalled) does not act on it; its owner does.
// Requests do not survive the session.
package transfer
