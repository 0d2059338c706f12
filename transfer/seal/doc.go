// SPDX-License-Identifier: Apache-2.0

// Package seal closes and opens the datagrams of one conversation under keys that came out of its handshake.
//
// # Words
//
// A handshake gives both ends the same exported secret (RFC 5705). From it follow two traffic secrets, one for each
// direction, and from a traffic secret a key and an IV: together a generation. A Sealer owns the generations of the
// direction in which this end sends, an Opener those of the other one.
//
// # The datagram
//
//	byte  0       1110000P   form, and P the key phase: the parity of the generation
//	bytes 1-4     connection id, chosen by the receiver
//	bytes 5-10    sequence number
//	bytes 11-...  ciphertext, as long as the plaintext
//	last 16       tag
//
// Numbers are big endian. The first eleven bytes are readable and authenticated; all else, stamps and feedback
// included, is encrypted. The form keeps clear of DTLS, STUN and TURN (RFC 9443 section 2), so that one socket serves all.
//
// The sequence number travels whole. 48 bits last for fifty years at 2 Gbit/s; a truncated number (RFC 9000 appendix
// A.3) would save three bytes of 1400 and make the receiver guess after an outage, where guessing wrong means deaf.
//
// # The algorithm
//
// AES-128-GCM; the nonce is the generation's IV xor the sequence number (RFC 8446 section 5.3, RFC 9001 section 5.3). Sequence
// numbers must rise at the Sealer, so no nonce is used twice. The Opener lets each number in once: a sliding window
// (RFC 4303 section 3.4.3, in the form of RFC 6479) is looked at before the work of opening and moved only after it succeeded.
//
// After 2^22 datagrams the Sealer moves to its next generation and flips the phase; that is half of what RFC 9001 section
// 6.6 allows a key. The Opener, which keeps the next generation ready, follows when a datagram above all others opens
// under it. The generation before is kept until the window has left it behind, so reordering across the change
// costs nothing and no clock is needed. Unlike in QUIC no acknowledgement is awaited: only a peer that hears nothing of
// 2^22 datagrams in a row would lose count, and a sender that hears nothing does not send that many.
//
// # What is not promised
//
// Sizes, times and connection ids are visible. A Sealer must never be copied, nor Derive called twice with one secret
// for the same end: either would repeat nonces. Nothing here says who the peer is: the handshake did.
package seal
