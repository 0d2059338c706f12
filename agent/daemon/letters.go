// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
	"github.com/ebbproject/ebb/transfer"
)

// Post makes letters of news, and hands them on. Of a control plane that never says SyncReply.Relay nothing of it is asked.
type Post interface {
	Write(ctx context.Context, r fleet.SyncRequest) (relay.Sent, error)
	Read(ctx context.Context, answer []byte, to relay.Sent) (fleet.SyncReply, error)
	Letters(ctx context.Context, r fleet.LettersRequest) (fleet.LettersReply, error)
}

// written is the last letter to the hub. Owned by askHub.
type written struct {
	number uint64
	letter relay.Sent
}

// writeLetter makes news a letter and gives it to who hands it on. It runs in the goroutine that asks the hub.
func (d *Daemon) writeLetter(a agent.Sync) {
	ctx, cancel := context.WithTimeout(d.ctx, syncTimeout)
	defer cancel()
	letter, err := d.o.Hub.Write(ctx, a.Request)
	if err != nil {
		d.o.Log.Debug("news goes to the hub directly", "err", err)
		d.do(func(c *agent.Core, _ time.Time) { c.Unsealed(a.Number) })
		return
	}
	d.written = written{a.Number, letter}
	d.do(func(c *agent.Core, now time.Time) {
		if a.Through == d.o.Node.Identity.Peer {
			c.Lettered(now, a.Through, a.Number, letter.Raw)
			return
		}
		d.toPeer(a.Through, transfer.Letter{Kind: transfer.LetterReport, Number: a.Number, Bytes: letter.Raw})
	})
}

// hand hands letters of the location on to the hub, beside our own news.
func (d *Daemon) hand(a agent.Hand) {
	ctx, cancel := context.WithTimeout(d.ctx, syncTimeout)
	defer cancel()
	reply, err := d.o.Hub.Letters(ctx, fleet.LettersRequest{Letters: a.Letters})
	if err != nil {
		d.o.Log.Debug("what neighbours report was not handed on; they do so themselves", "letters", len(a.Letters), "err", err)
		d.do(func(c *agent.Core, _ time.Time) { c.NotHanded(a.Number) })
		return
	}
	d.do(func(c *agent.Core, now time.Time) { c.Handed(now, a.Number, reply.Answers) })
}

// reply gives the hub's answer to who wrote the letter. It runs in the goroutine that owns the core.
func (d *Daemon) reply(a agent.Reply) {
	if a.Peer == d.o.Node.Identity.Peer {
		d.toHub.put(a)
		return
	}
	m := transfer.Letter{Kind: transfer.LetterRefused, Number: a.Number}
	if len(a.Answer) > 0 {
		m = transfer.Letter{Kind: transfer.LetterAnswer, Number: a.Number, Next: a.Next, Bytes: a.Answer}
	}
	d.toPeer(a.Peer, m)
}

// lettered: a neighbour has a letter for the hub, or the answer to ours. It runs in the goroutine that owns the core.
func (d *Daemon) lettered(c *agent.Core, now time.Time, peer string, m transfer.Letter) {
	switch {
	case m.Kind == transfer.LetterReport:
		c.Lettered(now, peer, m.Number, m.Bytes)
	case m.Number > d.heard && c.Awaits(peer, m.Number): // once, whatever it says again
		d.heard = m.Number
		d.toHub.put(agent.Reply{Peer: peer, Number: m.Number, Answer: m.Bytes, Next: m.Next})
	}
}

// replied opens the answer to our letter. It runs in the goroutine that asks the hub.
func (d *Daemon) replied(a agent.Reply) {
	ctx, cancel := context.WithTimeout(d.ctx, syncTimeout)
	defer cancel()
	refused := func() { d.do(func(c *agent.Core, now time.Time) { c.NotReplied(now, a.Peer, a.Number) }) }
	if len(a.Answer) == 0 || a.Number != d.written.number {
		refused()
		return
	}
	reply, err := d.o.Hub.Read(ctx, a.Answer, d.written.letter)
	if err != nil {
		d.o.Log.Warn("what a neighbour gives for the hub's answer is none; this host asks the hub itself", "peer", a.Peer, "err", err)
		refused()
		return
	}
	d.placed(reply)
	d.ride(reply.Bus)
	reply.Hub = atHub(reply.Hub, d.o.Node.HubAddr)
	d.do(func(c *agent.Core, now time.Time) { c.Replied(now, a, reply) })
}
