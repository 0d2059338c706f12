// SPDX-License-Identifier: Apache-2.0

// Package carrier carries whole messages between two hosts over UDP: it is the edge where the
// pure rooms of the transport meet sockets and clocks.
//
// # Words
//
// An Endpoint owns one UDP socket and all conversations over it. A Conn is one conversation with one
// authenticated peer. A message is a byte string that arrives whole or not at all, at least 1 byte and at
// most MaxMessage bytes. A datagram is what the socket sends: sealed, numbered and stamped by the shim.
//
// # How a datagram travels
//
//	message  → pion/sctp        reliability, framing, two streams: ordered control and unordered data
//	packet   → transfer/shim    sequence number, microsecond stamp, feedback; drives ledbat
//	datagram → transfer/seal    AES-GCM under keys exported from the DTLS handshake (RFC 5705)
//	         → transfer/udp     batches and segmentation offload
//
// Ledbat is in charge and SCTP is the messenger: Budget says how many bytes may be handed over now, and it is
// computed from what is under way and what the controller allows. Nothing new queues below SCTP, so its acknowledgements
// never wait for the window; what it repeats waits in the shim for room and pace.
//
// # How a conversation begins
//
//	knock, token          the dialer proves that it receives at its address; until then nothing is kept of it
//	DTLS 1.2 handshake    cookie, both certificates, extended master secret; the records go in an envelope (see knock.go)
//	exported keys         of the seal, and the connection ids; from here on nothing unsealed is accepted
//	greetings             both ends' beginnings of SCTP, in datagrams of rising sizes: what arrives tells what the path takes
//
// A connection id is 32 bits that both ends derive from the handshake. It tells the endpoint whose a sealed datagram is, wherever it
// comes from: addresses may change on both sides, and the newest datagram that opens says where the peer is now.
//
// # Admission
//
// What is in flight, what waits to be sent again and what SCTP was given and has not sent stay within the controller's window together;
// what SCTP learns late does not count. Pacing happens there too: Budget is 0 until the next message is due. A window of 0 means that
// nothing leaves, but probes and acknowledgements; a controller that yields opens it for moments by itself. Ready is pulsed when an
// answer of 0 is outdated: after a feedback, after SCTP has worked an acknowledgement in, when the pace allows, and when the
// controller's time has come.
//
// The controller is made for datagrams of one size, and made anew when that changes: after the greetings, and when the path becomes narrow.
// One of Groups is not: it is shared by all conversations to one place and counts bytes, whatever the datagrams' sizes. What one
// of them leaves is granted to another, which is woken for it; so who has nothing to send must not ask for a Budget.
//
// Hush makes Budget 0 for a moment, in which the delay of the path without our data can be sampled.
//
// # What is not promised
//
// Close gives what was sent a short time to arrive but does not wait for it to be read by the peer's owner.
// Messages of the unordered stream arrive in any order. A message larger than Grain is carried but delays everything behind it.
package carrier
