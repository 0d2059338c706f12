// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"fmt"
)

// broken says which invariant of a session does not hold, whatever was done to it.
func broken(s *Session) error {
	return errors.Join(brokenCounters(s), brokenFetches(s), brokenServes(s), brokenLetters(s))
}

// brokenCounters: every byte that arrived is accounted once (I12).
func brokenCounters(s *Session) error {
	st := s.Stats()
	if st.Received != st.Control+st.Useful+st.Duplicate+st.Wasted+st.Rejected {
		return fmt.Errorf("bytes are not accounted once: %+v", st)
	}
	var sum Account
	for _, a := range s.accounts {
		sum.Received += a.Received
		sum.Canceled += a.Canceled
		sum.Duplicate += a.Duplicate
		sum.Sent += a.Sent
	}
	late := st.Wasted - sum.Canceled // messages after the end count as a whole
	if sum.Received-sum.Canceled != st.Useful+st.Duplicate || sum.Duplicate != st.Duplicate || sum.Sent != st.SentData || late < 0 {
		return fmt.Errorf("the accounts %+v do not add up to %+v", sum, st)
	}
	if min(st.Control, st.Useful, st.Duplicate, st.Wasted, st.Rejected) < 0 {
		return fmt.Errorf("a counter is negative: %+v", st)
	}
	return nil
}

func brokenFetches(s *Session) error {
	f := &s.fetches
	inbox, most, moving := 0, 0, 0
	for request, x := range f.open {
		inbox += x.size
		if x.kind == KindManifest {
			most = max(most, x.size)
		}
		have, last := 0, uint32(0)
		for i, sp := range x.answer.spans {
			if sp.from >= sp.to || i > 0 && sp.from <= last {
				return fmt.Errorf("request %d: spans %v", request, x.answer.spans)
			}
			have += int(sp.to - sp.from)
			last = sp.to
		}
		if have != x.answer.have || x.answer.buf != nil && len(x.answer.buf) != x.size || x.size > x.limit || x.answer.complete() {
			return fmt.Errorf("request %d has %d bytes in spans of %d, says %d, buffer of %d", request, have, x.size, x.answer.have, len(x.answer.buf))
		}
		if x.sent && !x.stalled {
			moving++
		}
	}
	for x := f.moving.oldest; x != nil; x = x.newer {
		if moving--; x.newer != nil && x.newer.progressed.Before(x.progressed) {
			return fmt.Errorf("request %d progressed after %d", x.request, x.newer.request)
		}
	}
	switch {
	case inbox != f.inbox || inbox > f.maxInbox+most:
		return fmt.Errorf("inbox of %d at most %d, requests have %d", f.inbox, f.maxInbox, inbox)
	case moving != 0:
		return fmt.Errorf("%d requests lack in the list of those that progress", moving)
	case len(f.gone) > maxGone || f.fading.len() > maxGone:
		return fmt.Errorf("%d requests of the past, %d in line", len(f.gone), f.fading.len())
	case f.spare.bytes > f.spare.limit:
		return fmt.Errorf("%d bytes spare, allowed are %d", f.spare.bytes, f.spare.limit)
	}
	return nil
}

func brokenServes(s *Session) error {
	v := &s.serves
	room, most, answers := 0, 0, 0
	for _, x := range v.open {
		room += x.cost
		most = max(most, x.cost)
	}
	for _, m := range s.control.items[s.control.head:] {
		if answerTo(m) != 0 {
			answers++
		}
	}
	waiting, onTheWay := 0, 0
	for _, l := range v.waiting {
		waiting += len(l.list)
	}
	for _, l := range v.sending {
		onTheWay += len(l.list)
	}
	for _, x := range v.open {
		switch x.stage {
		case asked:
			waiting--
		case sending:
			onTheWay--
		}
	}
	switch {
	case room != v.room || room > v.maxRoom+most:
		return fmt.Errorf("room of %d taken, at most %d, requests have %d", v.room, v.maxRoom, room)
	case answers != v.answers || answers > 2*v.maxWants || len(v.open) > v.maxWants:
		return fmt.Errorf("%d answers wait, counted %d; %d requests are open, allowed %d", answers, v.answers, len(v.open), v.maxWants)
	case waiting != 0 || onTheWay != 0:
		return fmt.Errorf("lanes and stages differ by %d waiting and %d sending", waiting, onTheWay)
	case len(s.followed) > s.c.MaxInterests || len(s.following) > int(s.peer.MaxInterests):
		return fmt.Errorf("%d contents followed, %d following", len(s.followed), len(s.following))
	case s.untold.len() > len(s.followed):
		return fmt.Errorf("%d contents have news of %d", s.untold.len(), len(s.followed))
	}
	return nil
}

func brokenLetters(s *Session) error {
	c := s.letters.coming
	if n := s.letters.waiting.len(); n > int(LetterRefused)+1 || c.Total > MaxLetter || len(c.Bytes) > int(c.Total) || c.Total > 0 && len(c.Bytes) == int(c.Total) {
		return fmt.Errorf("%d letters wait; %d bytes of %d have come", n, len(c.Bytes), c.Total)
	}
	return nil
}
