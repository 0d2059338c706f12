// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// phase is how far a session has come.
type phase uint8

const (
	greeting phase = iota // the peer's Hello has not come
	talking               // both have said Hello
	leaving               // our Bye waits for Next
	over
)

// Session is one end of a conversation between two hosts. It does nothing by itself and belongs to one goroutine.
//
// Its calling protocol: after any call, call Take until it has no more; call Next whenever the carrier may send,
// until it has no more; call Advance not later than Deadline. Time never goes backwards between calls.
type Session struct {
	c     Config
	phase phase
	bye   ByeReason // while leaving

	greeted      bool // our Hello was cut
	finishing    bool // nothing new is begun for the peer
	peer         Hello
	version      uint16
	capabilities []string

	events  queue[Event]
	control queue[Message] // what waits to be cut, but for pings, pongs and news
	fetches fetches
	serves  serves
	watch   watch

	following map[ID]uint32 // contents we asked Have messages for, and their chunks, 0 when not known; at most peer.MaxInterests
	followed  map[ID]*news  // contents the peer asked Have messages for; at most c.MaxInterests
	untold    queue[*news]  // of these, those that have something to say
	letters   letters

	stats    Stats
	accounts accounts
}

// New starts a session: its Hello is the first message that Next gives. It fills zero fields of c from DefaultConfig,
// and the versions and limits of c.Hello. It panics when c.Hello is invalid; Hello.Validate tells beforehand.
func New(now time.Time, c Config) *Session {
	c = c.filled()
	if err := c.Hello.Validate(); err != nil {
		panic(err)
	}
	return &Session{
		c:         c,
		fetches:   newFetches(c),
		serves:    newServes(c),
		watch:     watch{every: c.PingEvery, idle: c.IdleTimeout, heard: now},
		following: map[ID]uint32{},
		followed:  map[ID]*news{},
		accounts:  accounts{},
	}
}

// Deliver takes a message that arrived. It keeps nothing of msg. A *ProtocolError blames the peer and a *VersionError
// nobody; both end the session with a Bye that Next gives. After the end everything is ErrClosed.
func (s *Session) Deliver(now time.Time, msg []byte) error {
	s.stats.Received += int64(len(msg))
	if s.phase >= leaving {
		s.stats.Wasted += int64(len(msg))
		if m, err := Parse(msg); err == nil {
			if d, is := m.(Data); is {
				s.accounts.add(Account{Received: int64(len(d.Bytes)), Canceled: int64(len(d.Bytes))})
			}
		}
		return ErrClosed
	}
	s.watch.received(now)
	if fault := checkLength(msg); fault != nil {
		return s.broken(fault, len(msg))
	}
	if msg[0] == typeData && s.phase == talking {
		return s.deliverData(now, msg)
	}
	m, err := Parse(msg)
	if err != nil {
		return s.broken(err.(*ProtocolError), len(msg))
	}
	if s.phase == greeting {
		return s.deliverHello(now, m, len(msg))
	}
	if fault := s.deliverControl(now, m); fault != nil {
		fault.Message = typeNames[msg[0]]
		return s.broken(fault, len(msg))
	}
	s.stats.Control += int64(len(msg))
	return nil
}

// broken ends the session because of what the peer sent: n bytes that are accounted as rejected.
func (s *Session) broken(fault *ProtocolError, n int) error {
	s.stats.Rejected += int64(n)
	s.Close(ByeProtocol)
	return fault
}

// Close ends the session: Next gives one Bye and then nothing. All requests of both sides are void; Canceled tells of
// the peer's.
func (s *Session) Close(reason ByeReason) {
	if s.phase >= leaving {
		return
	}
	s.drop()
	s.phase, s.bye = leaving, reason
}

// drop lets go of everything but the events the owner has not taken. Unfinished answers were for nothing.
func (s *Session) drop() {
	for _, x := range s.fetches.open {
		s.waste(x)
	}
	for _, request := range slices.Sorted(maps.Keys(s.serves.open)) {
		if v := s.serves.open[request]; v.stage != asked {
			s.events.push(Canceled{Request: request, Data: v.data})
		}
	}
	s.fetches, s.serves = newFetches(s.c), newServes(s.c)
	s.control, s.untold, s.letters = queue[Message]{}, queue[*news]{}, letters{}
	s.following, s.followed = nil, nil
}

// waste accounts what came of an answer as not needed any more.
func (s *Session) waste(x *fetch) {
	s.stats.Useful -= int64(x.answer.have)
	s.stats.Wasted += int64(x.answer.have)
	if x.answer.have > 0 {
		s.accounts.add(Account{Content: x.content, Canceled: int64(x.answer.have)})
	}
}

// deliverHello takes the first message of the peer.
func (s *Session) deliverHello(now time.Time, m Message, size int) error {
	switch m := m.(type) {
	case Hello:
		s.stats.Control += int64(size)
		s.peer = m
		version := min(m.MaxVersion, s.c.Hello.MaxVersion)
		if version < max(m.MinVersion, s.c.Hello.MinVersion) {
			s.Close(ByeVersion)
			return &VersionError{
				OurMin: s.c.Hello.MinVersion, OurMax: s.c.Hello.MaxVersion,
				TheirMin: m.MinVersion, TheirMax: m.MaxVersion,
			}
		}
		s.version = version
		s.capabilities = shared(s.c.Hello.Capabilities, m.Capabilities)
		s.phase = talking
		s.watch.started(now)
		s.events.push(PeerHello{Hello: m, Version: s.version, Capabilities: s.capabilities})
		return nil
	case Bye:
		s.stats.Control += int64(size)
		s.byeArrived(m)
		return nil
	}
	return s.broken(&ProtocolError{Message: typeNames[typeHello], What: fmt.Sprintf("the first message is: %v", m)}, size)
}

// shared is what both lists have; both ascend.
func shared(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(c string) bool {
		_, ok := slices.BinarySearch(b, c)
		return !ok
	})
}

func (s *Session) byeArrived(m Bye) {
	s.drop()
	s.phase = over
	s.events.push(PeerBye(m))
}

// Take gives the next event. What the peer wants is told last, when there is room for the answer.
func (s *Session) Take() (Event, bool) {
	if e, ok := s.events.pop(); ok {
		return e, true
	}
	if s.phase != talking {
		return nil, false
	}
	if e, ok := s.serves.tell(); ok {
		return e, true
	}
	return nil, false
}

// Advance does what is due at now.
func (s *Session) Advance(now time.Time) {
	if s.phase >= leaving {
		return
	}
	if s.watch.advance(now) {
		s.events.push(PingTimeout{})
	}
	for {
		request, ok := s.fetches.stalls(now)
		if !ok {
			break
		}
		s.events.push(Stalled{Request: request})
	}
}

// Deadline is when Advance wants to be called; zero is never.
func (s *Session) Deadline() time.Time {
	if s.phase >= leaving {
		return time.Time{}
	}
	return earliest(s.watch.deadline(), s.fetches.deadline())
}

// Ready says whether the peer has said hello and the session goes on.
func (s *Session) Ready() bool { return s.phase == talking }

// Closed says whether the session has ended and Next has given its Bye.
func (s *Session) Closed() bool { return s.phase == over }

// String tells the state in one line.
func (s *Session) String() string {
	return fmt.Sprintf("%v with %q v%d: fetching %d (inbox %d of %d), serving %d (room %d of %d), following %d, followed %d, rtt %v",
		s.phase, s.peer.Peer, s.version, len(s.fetches.open), s.fetches.inbox, s.c.MaxInbox,
		len(s.serves.open), s.serves.room, s.c.MaxServe, len(s.following), len(s.followed), s.watch.rtt)
}

func (p phase) String() string { return [...]string{"greeting", "talking", "leaving", "over"}[p] }
