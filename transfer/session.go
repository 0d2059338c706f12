// SPDX-License-Identifier: Apache-2.0

package transfer

import "time"

// Session is one end of a conversation between two hosts.
type Session struct{}

// New starts a session; its Hello is the first message Next gives. It panics when c.Hello is invalid: see Hello.Validate.
func New(now time.Time, c Config) *Session { return &Session{} }

// WantSpec says what to ask for.
type WantSpec struct {
	Kind     Kind
	ID       ID
	Size     int   // of a chunk: its exact size
	Limit    int   // of a manifest: the most that is accepted; this much of the inbox is set aside until the size is known
	Priority uint8 // higher goes first
}

// Deliver takes a message that arrived. A *ProtocolError blames the peer, a *VersionError nobody; both end the session.
// It keeps nothing of msg.
func (s *Session) Deliver(now time.Time, msg []byte) error { return nil }

// Want asks the other side for a chunk or manifest. The answer is Received or Refused with the same request number.
func (s *Session) Want(now time.Time, w WantSpec) (req uint32, err error) { return 0, nil }

// Find asks the other side for the id of a name. The answer is Found or Refused.
func (s *Session) Find(now time.Time, name string) (req uint32, err error) { return 0, nil }

// Cancel takes a want or find back. Nothing is told about it any more.
func (s *Session) Cancel(now time.Time, req uint32) error { return nil }

// Interest asks for Have messages about a content, or ends them. Total is the number of its chunks, 0 when not known.
func (s *Session) Interest(now time.Time, content ID, total uint32, on bool) error { return nil }

// Have tells the other side what is held, if it asked about that content; otherwise it does nothing.
func (s *Session) Have(now time.Time, h Have) error { return nil }

// Serve answers a Requested. The session refers to data until Served or Canceled gives it back.
func (s *Session) Serve(now time.Time, req uint32, data []byte) error { return nil }

// Found answers a Finding.
func (s *Session) Found(now time.Time, req uint32, id ID) error { return nil }

// Refuse answers a Requested or Finding with no, also in the middle of an answer.
func (s *Session) Refuse(now time.Time, req uint32, reason Reason) error { return nil }

// Close ends the session: Next gives one Bye and then nothing.
func (s *Session) Close(now time.Time, reason ByeReason) {}

// Next appends the next message, of at most max bytes, to buf. Unordered says that the carrier may deliver it out of
// order. It is not ok when there is nothing to send or max is less than MinMessage.
func (s *Session) Next(now time.Time, buf []byte, max int) (msg []byte, unordered bool, ok bool) {
	return buf, false, false
}

// Pending says whether Next has something to send.
func (s *Session) Pending() bool { return false }

// Take gives the next event. Call it until it has no more, after every other call.
func (s *Session) Take() (Event, bool) { return nil, false }

// Advance does what is due at now.
func (s *Session) Advance(now time.Time) {}

// Deadline is when Advance wants to be called; zero is never.
func (s *Session) Deadline() time.Time { return time.Time{} }

// Progress says how many bytes of the answer to a want have arrived, and of how many (0: not known yet).
func (s *Session) Progress(req uint32) (received, total int) { return 0, 0 }

// Recycle gives a buffer of Received back.
func (s *Session) Recycle(b []byte) {}

// Ready says whether the peer has said hello and the session has not ended.
func (s *Session) Ready() bool { return false }

// Closed says whether the session has ended and its Bye, if any, has been taken by Next.
func (s *Session) Closed() bool { return false }

// Stats counts what went through.
func (s *Session) Stats() Stats { return Stats{} }

// String tells the state in one line.
func (s *Session) String() string { return "" }

// Stats counts the bytes of a session. Each byte that arrived is counted once:
// Received = Control + Useful + Duplicate + Wasted + Rejected.
type Stats struct {
	Received  int64         // bytes of all messages that arrived
	Control   int64         // control messages, and the headers of data
	Useful    int64         // payload that went into answers
	Duplicate int64         // payload that had arrived before
	Wasted    int64         // payload of requests that were canceled or refused
	Rejected  int64         // messages that broke the protocol
	Sent      int64         // bytes of all messages that were cut
	SentData  int64         // of these, payload
	RTT       time.Duration // of the newest Ping, queues included; 0 before the first Pong
	Inbox     int           // bytes set aside for our open wants
	Open      int           // our open wants and finds
	Serving   int           // the peer's open wants and finds
}
