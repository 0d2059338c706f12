// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// WantSpec says what to ask for.
type WantSpec struct {
	Kind     Kind
	ID       ID
	Size     int   // of a chunk: its exact size
	Limit    int   // of a manifest: the most that is accepted
	Priority uint8 // higher goes first
	Content  ID    // what it is for, in Accounts; not told to the peer
}

// usable says why nothing may be asked or told now.
func (s *Session) usable() error {
	switch {
	case s.phase >= leaving:
		return ErrClosed
	case s.phase == greeting:
		return ErrNotReady
	}
	return nil
}

// Want asks the other side for a chunk or manifest. Received or Refused answers it, with the same request number.
// Besides ErrClosed, ErrNotReady and ErrInvalid it can say ErrInboxFull and ErrTooMany, which pass, and ErrTooLarge,
// which does not.
func (s *Session) Want(now time.Time, w WantSpec) (req uint32, err error) {
	limit, size := w.Size, w.Size
	if w.Kind == KindManifest {
		limit, size = w.Limit, min(w.Limit, typicalManifest, s.c.MaxInbox)
	}
	if w.Kind != KindChunk && w.Kind != KindManifest || limit < 1 || limit > MaxReply {
		return 0, fmt.Errorf("%w: want of a %v of %d bytes", ErrInvalid, w.Kind, limit)
	}
	x, err := s.open(fetch{kind: w.Kind, id: w.ID, content: w.Content, limit: limit, size: size})
	if err != nil {
		return 0, err
	}
	s.control.push(Want{Request: x.request, Kind: w.Kind, Priority: w.Priority, ID: w.ID, Size: uint32(limit)})
	return x.request, nil
}

// Find asks the other side for the id of the content of that name. Found or Refused answers it.
func (s *Session) Find(now time.Time, name string) (req uint32, err error) {
	if len(name) == 0 || len(name) > MaxName || slices.ContainsFunc([]byte(name), func(c byte) bool { return !isPrintable(c) }) {
		return 0, fmt.Errorf("%w: name %q, allowed are 1 to %d bytes of printable ASCII", ErrInvalid, name, MaxName)
	}
	x, err := s.open(fetch{find: true})
	if err != nil {
		return 0, err
	}
	s.control.push(Find{Request: x.request, Name: name})
	return x.request, nil
}

func (s *Session) open(x fetch) (*fetch, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if uint32(len(s.fetches.open)) >= s.peer.MaxWants {
		return nil, fmt.Errorf("%w: it allows %d open requests", ErrTooMany, s.peer.MaxWants)
	}
	return s.fetches.add(x)
}

// Cancel takes a want or find back. Nothing is told about it any more; what still arrives is dropped and counted as
// wasted. A want that has not left costs nothing.
func (s *Session) Cancel(now time.Time, req uint32) error {
	x := s.fetches.open[req]
	if x == nil {
		return ErrUnknownRequest
	}
	if x.sent {
		s.control.push(Cancel{Request: req})
	} else {
		s.control.drop(func(m Message) bool { return question(m) == req })
	}
	s.waste(x)
	s.fetches.end(x, canceled)
	return nil
}

// question is the request that a control message of ours opens, 0 if it opens none.
func question(m Message) uint32 {
	switch m := m.(type) {
	case Want:
		return m.Request
	case Find:
		return m.Request
	}
	return 0
}

// Interest asks for Have messages about a content, or ends them. Total is the number of its chunks, 0 when it is not
// known; a peer that tells another one breaks the protocol. Asking again makes the peer tell its whole set again.
func (s *Session) Interest(now time.Time, content ID, total uint32, on bool) error {
	if err := s.usable(); err != nil {
		return err
	}
	known, follows := s.following[content]
	switch {
	case total > MaxChunks:
		return fmt.Errorf("%w: a content of %d chunks, allowed are %d", ErrInvalid, total, MaxChunks)
	case !on && !follows:
		return nil
	case on && !follows && uint32(len(s.following)) >= s.peer.MaxInterests:
		return fmt.Errorf("%w: it lets us follow %d contents", ErrTooMany, s.peer.MaxInterests)
	}
	if on {
		s.following[content] = cmp.Or(total, known)
	} else {
		delete(s.following, content)
	}
	s.control.push(Interest{Content: content, On: on})
	return nil
}

// Have tells the other side what is held, if it follows that content; otherwise it does nothing. What waits to be told
// is merged, and large sets go out in pages.
func (s *Session) Have(now time.Time, h Have) error {
	if err := s.usable(); err != nil {
		return err
	}
	if fault := h.validate(); fault != "" {
		return fmt.Errorf("%w: have: %s", ErrInvalid, fault)
	}
	n := s.followed[h.Content]
	if n == nil {
		return nil
	}
	if n.total != 0 && n.total != h.Total {
		return fmt.Errorf("%w: have: a content of %d chunks, before it had %d", ErrInvalid, h.Total, n.total)
	}
	if len(n.waiting) == 0 {
		s.untold.push(n)
	}
	n.total = h.Total
	n.put(h)
	return nil
}

// theirs finds an open request of the other side.
func (s *Session) theirs(req uint32) (*serve, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if v := s.serves.open[req]; v != nil {
		return v, nil
	}
	return nil, ErrUnknownRequest
}

// Serve answers a Requested. The session refers to data, which must not change, until Served or Canceled gives it
// back; after an error it does not. ErrUnknownRequest is nobody's fault: the peer took the request back.
func (s *Session) Serve(now time.Time, req uint32, data []byte) error {
	v, err := s.theirs(req)
	if err != nil {
		return err
	}
	if v.find || v.stage != told {
		return fmt.Errorf("%w: request %d does not wait for data", ErrInvalid, req)
	}
	if err := s.serves.answer(v, data); err != nil {
		s.serves.close(v)
		s.answer(Refuse{Request: req, Reason: ReasonNotHeld})
		return err
	}
	return nil
}

// Found answers a Finding.
func (s *Session) Found(now time.Time, req uint32, id ID) error {
	v, err := s.theirs(req)
	if err != nil {
		return err
	}
	if !v.find {
		return fmt.Errorf("%w: request %d does not ask for a name", ErrInvalid, req)
	}
	s.serves.close(v)
	s.answer(Found{Request: req, ID: id})
	return nil
}

// Refuse answers a Requested or Finding with no. It may come in the middle of an answer: Canceled then gives back what
// Serve was given.
func (s *Session) Refuse(now time.Time, req uint32, reason Reason) error {
	v, err := s.theirs(req)
	if err != nil {
		return err
	}
	if int(reason) >= len(reasonNames) {
		return fmt.Errorf("%w: %v", ErrInvalid, reason)
	}
	s.serves.close(v)
	s.answer(Refuse{Request: req, Reason: reason.told(s.can(CapabilityReasons))})
	if v.stage == sending {
		s.events.push(Canceled{Request: req, Data: v.data})
	}
	return nil
}

// Finish prepares for a Close in good order: what the other side asks, or has asked and got no piece of, is refused as shutting-down, and
// Canceled tells of it. What was begun goes on; Stats.Serving says how much that is.
func (s *Session) Finish(now time.Time) {
	s.finishing = true
	for _, request := range slices.Sorted(maps.Keys(s.serves.open)) {
		v := s.serves.open[request]
		if v.stage == sending && v.offset > 0 {
			continue
		}
		s.serves.close(v)
		s.answer(Refuse{Request: request, Reason: ReasonShuttingDown})
		if v.stage != asked {
			s.events.push(Canceled{Request: request, Data: v.data})
		}
	}
}

// Limit asks the other side to send at most so many bytes of data messages a second, 0 for as many as it likes. The last word counts. A
// peer without the capability CapabilityLimit is not told: ErrInvalid.
func (s *Session) Limit(now time.Time, rate uint64) error {
	if err := s.usable(); err != nil {
		return err
	}
	if !s.can(CapabilityLimit) {
		return fmt.Errorf("%w: the peer does not know limits", ErrInvalid)
	}
	s.control.drop(func(m Message) bool {
		_, is := m.(Limit)
		return is
	})
	s.control.push(Limit{Rate: rate})
	return nil
}

// answer queues a Refuse or Found; until it is cut its request counts as open.
func (s *Session) answer(m Message) {
	s.serves.answers++
	s.control.push(m)
}

// Progress says how many bytes of the answer to a want have arrived, and of how many, 0 when that is not known.
func (s *Session) Progress(req uint32) (received, total int) {
	x := s.fetches.open[req]
	if x == nil {
		return 0, 0
	}
	if x.sized() {
		total = x.size
	}
	return x.answer.have, total
}

// Recycle gives a buffer of Received back to the session, for the answers to come.
func (s *Session) Recycle(b []byte) { s.fetches.spare.put(b) }
