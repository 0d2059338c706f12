// SPDX-License-Identifier: Apache-2.0

// Package lan carries whole messages between two hosts of one subnet over TLS 1.3 and TCP: where the network is as fast as the
// processors, a transport in the kernel costs a third of one in a process. It offers what transfer/carrier offers, with the same
// certificates, and a session does not know which of the two it runs on.
//
// # Words
//
// An Endpoint listens at one TCP address and owns all conversations that began there or were dialled from there. A Conn is one
// conversation with one authenticated peer. A message is a byte string of 1 to carrier.MaxMessage bytes that arrives whole and
// in order. A frame is a message, or a word between the two ends, with a header of four bytes: see frame.go.
//
// # How a conversation begins
//
// TCP, then TLS 1.3 with both certificates, checked as the other carrier checks them (carrier.Trust), and no resumption, so that each
// conversation is checked. In TLS 1.3 the dialer is done before the listener has seen its certificate; therefore the listener speaks
// first, and the dialer says nothing and has no Conn before it has heard that.
//
// # How bytes travel
//
//	chunk   → Send     copied once, into a frame, because the session uses its buffer again
//	frames  → TLS      records of 16 KiB, gathered so that one system call takes several
//	records → kernel   which holds little more than what is under way (TCP_NOTSENT_LOWAT)
//	kernel  → TLS      read as much as there is; opened where it lies
//	message → Receive  copied once, out of the record
//
// What to send is decided late: Budget lets at most two large messages wait for the kernel, and the kernel holds at most as much unsent.
//
// # How it gives way
//
// Every few milliseconds the writer asks the kernel what it knows of the path (TCP_INFO: round trip, what was sent, acknowledged and
// sent again) and tells a ledbat.Controller with a target of a few milliseconds of queue. As long as no queue has been seen, nothing is
// done: a LAN that is never congested costs nothing. Once one was, the kernel paces what it sends at the controller's
// rate (SO_MAX_PACING_RATE), to the end of the conversation. Below that TCP is Reno, which every kernel has and which gives half away
// on a loss: on the short paths of a LAN CUBIC would do no more than the same (RFC 9438, section 4.3), and BBR, the
// default of some systems, would push others aside where it cannot see them. Where the system tells nothing of its connections, TCP alone decides.
//
// # How the end is noticed
//
// Behind what it sends an end puts a probe now and then, and always one while it is idle; the answer says how much has arrived. A peer that was
// killed is noticed by the kernel at once, one that is gone without a word after Config.DeadAfter. Close says goodbye behind what was sent.
//
// # What is not promised
//
// Address changes end a conversation; it is dialled again. Nothing is unordered: one lost segment delays what follows it by a round
// trip. Giving way needs Linux.
package lan
