// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"time"
)

// deliverData takes a piece of an answer. Every byte of it is accounted: the header as control, the payload by what
// became of it.
func (s *Session) deliverData(now time.Time, msg []byte) error {
	d, fault := parseData(msg)
	if fault != nil {
		return s.broken(fault, len(msg))
	}
	payload := int64(len(d.Bytes))
	header := int64(len(msg)) - payload
	x := s.fetches.open[d.Request]
	if x != nil && x.sent && x.fits(d) == "" && !s.fetches.grants(x, int(d.Total)) {
		s.turnAway(x)
		x = nil
	}
	if x == nil || !x.sent {
		content, what := s.fetches.late(d)
		if what != "" {
			return s.broken(&ProtocolError{Message: typeNames[typeData], Request: d.Request, What: what}, len(msg))
		}
		s.stats.Control += header
		s.stats.Wasted += payload
		s.accounts.add(Account{Content: content, Received: payload, Canceled: payload})
		return nil
	}
	if what, duplicate := s.fetches.accept(now, x, d); what != "" {
		fault := &ProtocolError{Message: typeNames[typeData], Request: d.Request, What: what}
		if !duplicate {
			return s.broken(fault, len(msg))
		}
		s.stats.Control += header
		s.stats.Duplicate += payload
		s.accounts.add(Account{Content: x.content, Received: payload, Duplicate: payload})
		return s.broken(fault, 0)
	}
	s.stats.Control += header
	s.stats.Useful += payload
	s.accounts.add(Account{Content: x.content, Received: payload})
	if x.answer.complete() {
		s.fetches.end(x, answered)
		s.events.push(Received{Request: x.request, Kind: x.kind, ID: x.id, Data: x.answer.buf})
	}
	return nil
}

// turnAway cancels a manifest that is too large for the inbox as it is now.
func (s *Session) turnAway(x *fetch) {
	s.control.push(Cancel{Request: x.request})
	s.fetches.end(x, canceled)
	s.events.push(Refused{Request: x.request, Reason: ReasonBusy})
}

// deliverControl takes any other message. A fault lacks only the name of the message.
func (s *Session) deliverControl(now time.Time, m Message) *ProtocolError {
	what, request := "", uint32(0)
	switch m := m.(type) {
	case Hello:
		what = "it was said before"
	case Bye:
		s.byeArrived(m)
	case Ping:
		s.watch.pinged(m)
	case Pong:
		what = s.watch.pongArrived(now, m)
	case Interest:
		what = s.interestArrived(m)
	case Have:
		what = s.haveArrived(m)
	case Want:
		request = m.Request
		what = s.admit(&serve{request: m.Request, kind: m.Kind, priority: m.Priority, id: m.ID, size: int(m.Size)})
	case Find:
		request = m.Request
		if what = s.admit(&serve{request: m.Request, find: true, stage: told}); what == "" && s.serves.open[m.Request] != nil {
			s.events.push(Finding(m))
		}
	case Cancel:
		request = m.Request
		what = s.cancelArrived(m)
	case Refuse:
		request = m.Request
		what = s.refuseArrived(m)
	case Found:
		request = m.Request
		what = s.foundArrived(m)
	case Limit:
		what = s.limitArrived(m)
	case Stand:
		what = s.leaseArrived(PeerStand{m}, m.Content)
	case Claim:
		what = s.leaseArrived(PeerClaim{m}, m.Content)
	case Budget:
		what = s.budgetArrived(m)
	case Letter:
		what = s.letterArrived(m)
	}
	if what == "" {
		return nil
	}
	return &ProtocolError{Request: request, What: what}
}

// admit opens a request of theirs or refuses it.
func (s *Session) admit(v *serve) (fault string) {
	if fault := s.serves.number(v.request); fault != "" {
		return fault
	}
	reason := ReasonTooMany
	if s.finishing {
		reason = ReasonShuttingDown
	} else if s.serves.admit(v) {
		return ""
	}
	if s.serves.flooded() {
		return fmt.Sprintf("more than the %d requests that our hello allows, and refusals are not read", s.c.MaxWants)
	}
	s.answer(Refuse{Request: v.request, Reason: reason})
	return ""
}

// cancelArrived ends a request of theirs at once: nothing of it that was not cut is sent. A request that is over on
// this side already has crossed its cancel.
func (s *Session) cancelArrived(m Cancel) (fault string) {
	if m.Request > s.serves.last {
		return "there was no such request"
	}
	v := s.serves.open[m.Request]
	if v == nil {
		if s.control.drop(func(c Message) bool { return answerTo(c) == m.Request }) {
			s.serves.answers--
		}
		return ""
	}
	s.serves.close(v)
	if v.stage != asked {
		s.events.push(Canceled{Request: m.Request, Data: v.data})
	}
	return ""
}

// answerTo is the request that a control message answers, 0 if it is no answer.
func answerTo(m Message) uint32 {
	switch m := m.(type) {
	case Refuse:
		return m.Request
	case Found:
		return m.Request
	}
	return 0
}

func (s *Session) refuseArrived(m Refuse) (fault string) {
	if m.Reason >= ReasonCPU && !s.can(CapabilityReasons) {
		return fmt.Sprintf("the reason %v needs the capability %q", m.Reason, CapabilityReasons)
	}
	if x := s.fetches.open[m.Request]; x != nil && x.sent {
		s.waste(x)
		s.fetches.end(x, refused)
		s.events.push(Refused(m))
		return ""
	}
	return s.fetches.lateAnswer(m.Request, false)
}

func (s *Session) limitArrived(m Limit) (fault string) {
	if !s.can(CapabilityLimit) {
		return fmt.Sprintf("it needs the capability %q", CapabilityLimit)
	}
	s.events.push(PeerLimit(m))
	return ""
}

func (s *Session) foundArrived(m Found) (fault string) {
	x := s.fetches.open[m.Request]
	switch {
	case x == nil || !x.sent:
		return s.fetches.lateAnswer(m.Request, true)
	case !x.find:
		return "data was asked, not a name"
	}
	s.fetches.end(x, answered)
	s.events.push(m)
	return ""
}

// interestArrived notes what they want to hear about. Their limit was in our hello.
func (s *Session) interestArrived(m Interest) (fault string) {
	n := s.followed[m.Content]
	switch {
	case !m.On && n == nil:
		return "ends an interest that was not there"
	case !m.On:
		delete(s.followed, m.Content)
		s.untold.drop(func(u *news) bool { return u == n })
	case n == nil && len(s.followed) == s.c.MaxInterests:
		return fmt.Sprintf("more than the %d contents that our hello allows", s.c.MaxInterests)
	case n == nil:
		s.followed[m.Content] = &news{content: m.Content}
	}
	s.events.push(Interested(m))
	return ""
}

// haveArrived passes on what they hold. News of a content we no longer follow has crossed our word and is dropped.
func (s *Session) haveArrived(m Have) (fault string) {
	total, ok := s.following[m.Content]
	if !ok {
		return ""
	}
	if total != 0 && total != m.Total {
		return fmt.Sprintf("a content of %d chunks, it has %d", m.Total, total)
	}
	s.following[m.Content] = m.Total
	s.events.push(PeerHave{Have: m})
	return ""
}
