// SPDX-License-Identifier: Apache-2.0

package transfer

import "time"

// Next appends the next message, of at most max bytes, to buf. Unordered says that the carrier may let it overtake
// and be overtaken. It is not ok when there is nothing to send, or when max is less than MinMessage.
//
// Nothing is decided before: what is said last is what is true when the carrier has room. Control messages go first,
// in the order they were made (but pongs and pings before all, and letters and then Have messages after all), then data: the highest
// priority first, and within it one answer after the other.
func (s *Session) Next(now time.Time, buf []byte, max int) (msg []byte, unordered bool, ok bool) {
	if max < MinMessage {
		return buf, false, false
	}
	if m, ok := s.nextControl(now, min(max, MaxControl)); ok {
		msg = m.Append(buf)
		s.stats.Sent += int64(len(msg) - len(buf))
		return msg, false, true
	}
	if s.phase != talking {
		return buf, false, false
	}
	return s.nextData(buf, min(max, MaxMessage))
}

func (s *Session) nextControl(now time.Time, max int) (Message, bool) {
	switch {
	case s.phase == leaving:
		s.phase = over
		return Bye{Reason: s.bye}, true
	case s.phase == over:
		return nil, false
	case !s.greeted:
		s.greeted = true
		return s.c.Hello, true
	case s.phase == greeting:
		return nil, false
	}
	if m, ok := s.watch.next(now); ok {
		return m, true
	}
	if m, ok := s.control.pop(); ok {
		if request := question(m); request != 0 {
			s.fetches.cut(request, now)
		}
		if answerTo(m) != 0 {
			s.serves.answers--
		}
		return m, true
	}
	if m, ok := s.letters.cut(max); ok {
		return m, true
	}
	if s.untold.len() == 0 {
		return nil, false
	}
	n := s.untold.front()
	h := n.page(max)
	if len(n.waiting) == 0 {
		s.untold.pop()
	}
	return h, true
}

func (s *Session) nextData(buf []byte, max int) (msg []byte, unordered bool, ok bool) {
	msg, v, payload := s.serves.cut(buf, max)
	if v == nil {
		return buf, false, false
	}
	s.stats.Sent += int64(len(msg) - len(buf))
	s.stats.SentData += int64(payload)
	s.accounts.add(Account{Content: v.content, Sent: int64(payload)})
	if v.offset == len(v.data) {
		s.events.push(Served{Request: v.request, Data: v.data})
	}
	return msg, true, true
}

// Pending says whether Next has something to send.
func (s *Session) Pending() bool {
	switch s.phase {
	case over:
		return false
	case leaving:
		return true
	case greeting:
		return !s.greeted
	}
	return !s.greeted || s.watch.owes || s.watch.waits || s.control.len() > 0 || s.letters.waiting.len() > 0 || s.untold.len() > 0 || len(s.serves.sending) > 0
}

// Stats counts the bytes of a session. Each byte that arrived is counted once:
// Received = Control + Useful + Duplicate + Wasted + Rejected.
type Stats struct {
	Received  int64 // bytes of all messages that arrived
	Control   int64 // control messages, and the headers of data
	Useful    int64 // payload of complete answers, and of those that still grow
	Duplicate int64 // payload that had arrived before; the peer is to blame
	Wasted    int64 // payload of requests that were canceled or refused, and all that came after the end
	Rejected  int64 // messages that broke the protocol

	Sent     int64 // bytes of all messages that were cut
	SentData int64 // of these, payload

	RTT     time.Duration // of the newest ping, queues included; 0 before the first pong
	Inbox   int           // bytes set aside for our open wants
	Open    int           // our open wants and finds
	Serving int           // the peer's open wants and finds
}

// Stats is the state of the counters.
func (s *Session) Stats() Stats {
	st := s.stats
	st.RTT = s.watch.rtt
	st.Inbox, st.Open, st.Serving = s.fetches.inbox, len(s.fetches.open), len(s.serves.open)
	return st
}
