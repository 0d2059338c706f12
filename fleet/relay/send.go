// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"fmt"
	"time"
)

// Sender is the side of a host that reports. Its owner has one report under way, and says the next when the last was answered or has gone
// directly.
type Sender struct {
	outbox
	number  uint64
	at      string // the super-peer that has the report; empty: nobody
	until   time.Time
	shunned string // a super-peer that did not answer, ...
	again   time.Time
	pause   time.Duration
}

// Through is by way of whom a report goes now, if that is the super-peer and in conversation: it, or nobody.
func (s *Sender) Through(now time.Time, super string) string {
	if super == s.shunned && now.Before(s.again) {
		return "" // and not through the second: the others take the first, and the hub would hear more messages for it
	}
	return super
}

// Said: there is a report. super is as in Through, empty for one that must go directly.
func (s *Sender) Said(now time.Time, super string) {
	if s.at = s.Through(now, super); s.at == "" {
		s.outbox = append(s.outbox, ToHub{})
		return
	}
	s.number++
	s.until = now.Add(patience)
	s.outbox = append(s.outbox, ToPeer{s.at, s.number})
}

// Answered: the super-peer handed on the hub's answer. It reports whether that was waited for: the report of one that is late has gone
// directly.
func (s *Sender) Answered(peer string, number uint64) bool {
	if !s.Waits(peer, number) {
		return false
	}
	s.at, s.shunned, s.pause = "", "", 0
	return true
}

// Refused: the super-peer will not relay the report, or what it handed on is not the hub's answer.
func (s *Sender) Refused(now time.Time, peer string, number uint64) {
	if s.Waits(peer, number) {
		s.fail(now)
	}
}

// Directly: the report is nothing for a super-peer, and none is to blame.
func (s *Sender) Directly(number uint64) {
	if s.Waits(s.at, number) {
		s.at = ""
		s.outbox = append(s.outbox, ToHub{})
	}
}

// Gone: the conversation with a host has ended. When it comes back it has another chance.
func (s *Sender) Gone(now time.Time, peer string) {
	if s.at == peer {
		s.fail(now)
	}
	if s.shunned == peer {
		s.shunned, s.pause = "", 0
	}
}

// Blameless: the hub does not answer this host itself either, so that a super-peer had no answer says nothing of that.
func (s *Sender) Blameless() { s.shunned, s.pause = "", 0 }

// Advance lets time pass.
func (s *Sender) Advance(now time.Time) {
	if s.at != "" && !now.Before(s.until) {
		s.fail(now)
	}
}

// Deadline is when to call Advance; zero: never.
func (s *Sender) Deadline() time.Time {
	if s.at == "" {
		return time.Time{}
	}
	return s.until
}

// Waits reports whether the answer to that report is to come from that host.
func (s *Sender) Waits(peer string, number uint64) bool {
	return s.at != "" && s.at == peer && s.number == number
}

// fail sends the report directly, and what follows for a while.
func (s *Sender) fail(now time.Time) {
	if s.shunned != s.at {
		s.shunned, s.pause = s.at, 0
	}
	s.pause = min(max(2*s.pause, avoidFor), avoidMost)
	s.again, s.at = now.Add(s.pause), ""
	s.outbox = append(s.outbox, ToHub{})
}

func (s *Sender) String() string {
	if s.at == "" {
		return "nothing under way"
	}
	return fmt.Sprintf("report %d is at %s", s.number, s.at)
}
