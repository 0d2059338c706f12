// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/lan"
)

// progressEvery is how often a conversation tells the core how far its fetches are.
const progressEvery = 250 * time.Millisecond

// silentAfter is how long nothing may be heard of a peer that owes us something, if only an acknowledgement, before it
// is taken for silent. The pings of the session see to it that it owes us one now and then.
const silentAfter = 5 * time.Second

// helloWithin is how long a peer may take to say hello. One that does not is left, and dialled again.
const helloWithin = 10 * time.Second

// Besides the core's actions, a conversation is sent these.
type (
	// answer is what was read from disk for a request of the peer.
	answer struct {
		request uint32
		data    []byte
		of      content.ID // the content it is for
	}
	// recycle gives back a buffer that came with Received.
	recycle struct{ data []byte }
	// end ends the conversation.
	end struct{ why transfer.ByeReason }
)

// conversation is one peer: a connection and the session over it.
type conversation struct {
	d       *Daemon
	id      fleet.Identity
	conn    connection
	dialled bool // by us
	since   time.Time
	mail    *mailbox[any]

	session  *transfer.Session
	fetches  map[uint32]pending
	requests map[uint64]uint32 // the core's number -> the wire's
	message  []byte
	caps     allowance
	finishBy time.Time      // set once the process is to end: what was begun for the peer is finished until then
	leaveBy  time.Time      // set once goodbye was said
	told     transfer.Stats // as last reported
	wire     carrier.Stats  // as last accounted
	owing    time.Time      // since when the peer owes us something and is not heard; zero: it owes nothing
	silent   bool           // as last reported
	died     bool           // the peer's process has ended
}

type pending struct {
	fetch uint64
	id    content.ID
	of    content.ID // the content it is for
	kind  transfer.Kind
	name  bool
	got   int
}

func newConversation(d *Daemon, conn connection, id fleet.Identity, dialled bool) *conversation {
	now := time.Now()
	c := transfer.DefaultConfig()
	c.MaxInbox, c.MaxServe = inboxBytes, serveBytes
	c.Hello = transfer.Hello{Peer: d.o.Node.Identity.Peer, Observed: seenAt(conn), Capabilities: d.capabilities()}
	caps := allowance{total: d.caps.far, lease: d.caps.lease}
	if d.local(id) {
		caps = allowance{total: d.caps.near}
	}
	return &conversation{caps: caps, d: d, id: id, conn: conn, dialled: dialled, since: now, mail: newMailbox[any](),
		session: transfer.New(now, c), fetches: map[uint32]pending{}, requests: map[uint64]uint32{}}
}

// run owns the session until the connection ends.
func (p *conversation) run() {
	defer p.d.running.Done()
	incoming := make(chan []byte, 64)
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.d.ctx)) // what is begun is finished
	p.d.running.Add(1)
	go p.receive(ctx, incoming)
	p.d.watch(p.id, p.conn)
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	closing := p.d.ctx.Done()
	for arrivals := (<-chan []byte)(incoming); !p.over(len(incoming)); {
		if t := p.deadline(); !t.IsZero() {
			timer.Reset(time.Until(t))
		}
		select {
		case m, ok := <-arrivals:
			if !p.deliver(m, ok, arrivals) {
				arrivals = nil // the connection has ended
			}
		case <-p.mail.signal:
			p.obey()
		case <-p.conn.Ready():
		case <-timer.C:
			p.session.Advance(time.Now())
		case <-tick.C:
			p.report()
		case <-closing:
			p.finish()
			closing = nil
		}
		p.tell()
		p.pump()
		p.tell() // cutting the last piece of an answer makes room for the next request
		if p.finished() {
			p.leave(transfer.ByeShuttingDown)
			p.pump()
		}
	}
	cancel()
	p.report() // the last of it counts too
	p.died = p.died || errors.Is(p.conn.Err(), lan.ErrGone)
	p.d.unwatch(p.id, p.conn)
	p.conn.Close()
	p.d.do(func(c *agent.Core, now time.Time) { p.d.ended(c, now, p) })
}

func (p *conversation) receive(ctx context.Context, to chan<- []byte) {
	defer p.d.running.Done()
	defer close(to)
	for {
		m, err := p.conn.Receive(ctx)
		if err != nil {
			return
		}
		select {
		case to <- m:
		case <-ctx.Done():
			return
		}
	}
}

// deliver takes one message and whatever else has arrived; false when nothing will arrive any more.
func (p *conversation) deliver(m []byte, ok bool, arrivals <-chan []byte) bool {
	for more := cap(arrivals); ; more-- {
		if !ok {
			p.leave(transfer.ByeDone)
			return false
		}
		err := p.session.Deliver(time.Now(), m)
		p.conn.Recycle(m) // the session keeps nothing of it
		var fault *transfer.ProtocolError
		if errors.As(err, &fault) {
			p.d.o.Log.Warn("the peer broke the protocol and is left", "peer", p.id.Peer, "err", err)
			p.d.do(func(c *agent.Core, now time.Time) { c.Misbehaved(now, p.id.Peer) })
		}
		if err != nil {
			p.leave(transfer.ByeProtocol)
		}
		if more == 0 {
			return true // others want their turn too
		}
		select {
		case m, ok = <-arrivals:
		default:
			return true
		}
	}
}

// pump hands messages to the connection as long as it may send; a goodbye may always. Who has nothing to send does not ask: the permission
// would be missing elsewhere.
func (p *conversation) pump() {
	p.caps.again = time.Time{}
	for p.session.Pending() && (p.conn.Budget() > 0 || !p.leaveBy.IsZero()) {
		now, most := time.Now(), max(p.conn.Grain(), transfer.MinMessage)
		if p.leaveBy.IsZero() {
			if most = p.caps.room(now, most); most == 0 {
				return
			}
		}
		msg, unordered, ok := p.session.Next(now, p.message[:0], most)
		if !ok {
			return
		}
		p.message = msg
		p.caps.sent(now, len(msg))
		if err := p.conn.Send(msg, unordered); err != nil {
			return // the connection has ended: Done says so
		}
	}
}

// obey carries out what the core wants of this conversation.
func (p *conversation) obey() {
	now := time.Now()
	for _, m := range p.mail.all() {
		switch m := m.(type) {
		case agent.Fetch:
			p.want(now, m)
		case agent.Ask:
			req, err := p.session.Find(now, m.Name)
			p.asked(req, err, pending{fetch: m.Fetch, name: true})
		case agent.Cancel:
			if req, ok := p.requests[m.Fetch]; ok {
				p.forget(req)
				p.check(p.session.Cancel(now, req))
			}
		case agent.Follow:
			p.check(p.session.Interest(now, m.Content, m.Chunks, m.On))
		case agent.Announce:
			p.check(p.session.Have(now, m.Have))
		case limit:
			p.check(p.session.Limit(now, uint64(m.rate)))
		case agent.Stand:
			p.check(p.session.Stand(now, m.Stand))
		case agent.Claim:
			p.check(p.session.Claim(now, m.Claim))
		case transfer.Budget:
			p.check(p.session.Budget(now, m))
		case transfer.Letter:
			p.check(p.session.Letter(now, m))
		case agent.Decline:
			p.check(p.session.Refuse(now, m.Request, m.Reason))
		case agent.Tell:
			p.check(p.session.Found(now, m.Request, m.ID))
		case answer:
			p.session.Label(m.request, m.of)
			if p.session.Serve(now, m.request, m.data) != nil { // taken back meanwhile
				release(m.data)
				p.released(m.request)
			}
		case recycle:
			p.session.Recycle(m.data)
		case end:
			p.leave(m.why)
		}
	}
}

// check drops errors that say that the other side was faster: it took a request back or left.
func (p *conversation) check(err error) {
	if err != nil && !errors.Is(err, transfer.ErrClosed) && !errors.Is(err, transfer.ErrUnknownRequest) {
		p.d.o.Log.Debug("not said", "peer", p.id.Peer, "err", err)
	}
}

func (p *conversation) want(now time.Time, f agent.Fetch) {
	spec := transfer.WantSpec{Kind: f.Kind, ID: f.ID, Priority: f.Priority, Content: f.Content}
	if f.Kind == transfer.KindChunk {
		spec.Size = int(f.Size)
	} else {
		spec.Limit = int(f.Size)
	}
	req, err := p.session.Want(now, spec)
	p.asked(req, err, pending{fetch: f.Fetch, id: f.ID, of: f.Content, kind: f.Kind})
}

// asked notes a request that went out; one that could not is the same as a peer that is busy.
func (p *conversation) asked(req uint32, err error, x pending) {
	if err != nil {
		p.d.do(func(c *agent.Core, now time.Time) { c.Refused(now, p.id.Peer, x.fetch, transfer.ReasonBusy) })
		return
	}
	p.fetches[req] = x
	p.requests[x.fetch] = req
}

func (p *conversation) forget(req uint32) pending {
	x := p.fetches[req]
	delete(p.fetches, req)
	delete(p.requests, x.fetch)
	return x
}

func (p *conversation) released(request uint32) {
	p.d.do(func(c *agent.Core, _ time.Time) { c.Released(p.id.Peer, request) })
}

// report tells how far the fetches are and what the path carries.
func (p *conversation) report() {
	type step struct {
		fetch uint64
		bytes int
	}
	var steps []step
	for req, x := range p.fetches {
		if got, _ := p.session.Progress(req); got != x.got && x.kind == transfer.KindChunk {
			x.got = got
			p.fetches[req] = x
			steps = append(steps, step{x.fetch, got})
		}
	}
	s, st := p.session.Stats(), p.conn.Stats()
	rate := float64(s.Useful-p.told.Useful) / progressEvery.Seconds()
	p.account(st)
	received, sent := s.Useful-p.told.Useful, s.SentData-p.told.SentData
	p.told = s
	p.listen(st)
	p.caps.measured(time.Now(), st.BytesSent, st.MTU)
	open := len(p.fetches)
	p.d.do(func(c *agent.Core, now time.Time) {
		for _, x := range steps {
			c.Progressed(now, x.fetch, int64(x.bytes))
		}
		if len(steps) > 0 {
			c.Measured(now, p.id.Peer, rate, st.RTT)
		}
		p.d.count(p.id, received, sent, st)
		p.d.movements(c)
		if !p.d.local(p.id) {
			p.d.leasing(now, func(s *budget.Share) { s.Used(now, transfer.Downwards, received) })
		}
		p.d.sharing(p.id, func(s *gentle.Shares) {
			s.Received(p.id.Peer, received, open)
			s.Advance(now)
		})
	})
}

// listen tells the core when the peer falls silent, and when it is heard again.
func (p *conversation) listen(st carrier.Stats) {
	now := time.Now()
	if !p.session.Ready() {
		if now.Sub(p.since) > helloWithin {
			p.leave(transfer.ByeIdle)
		}
		return
	}
	// In a blackout only the connection's own probes are on their way, and what is to be said waits.
	owes := len(p.fetches) > 0 || st.Buffered > 0 || st.Blackout
	switch {
	case !owes:
		p.owing = time.Time{}
	case p.owing.IsZero() || p.owing.Before(st.LastHeard):
		p.owing = now
	}
	silent := !p.owing.IsZero() && now.Sub(p.owing) > silentAfter
	if silent == p.silent {
		return
	}
	p.silent = silent
	p.d.do(func(c *agent.Core, _ time.Time) {
		if p.d.peers[p.id.Peer] != p {
			return
		}
		c.PeerSilent(p.id.Peer, silent)
		if hangUp := p.d.dials[p.id.Peer]; hangUp != nil && !silent {
			hangUp() // the conversation is as good as ever, and carries what was in flight
		}
	})
}
