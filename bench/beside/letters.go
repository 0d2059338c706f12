// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"context"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet"
)

// Guests of one location report by way of one of them, as hosts do; between them a letter takes no time.

func (c *company) named(peer string) *guest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[peer]
}

// write gives a letter to the guest that hands it on. The caller holds news.
func (g *guest) write(ctx context.Context, a agent.Sync, r fleet.SyncRequest) {
	letter, err := g.client.Write(ctx, r)
	if err != nil {
		g.post(func(time.Time) { g.core.Unsealed(a.Number) })
		return
	}
	g.letter = letter
	super := g.crowd.named(a.Through)
	super.post(func(now time.Time) { super.core.Lettered(now, g.node.Identity.Peer, a.Number, letter.Raw) })
}

// hand hands letters on to the hub.
func (g *guest) hand(a agent.Hand) {
	ctx, cancel := context.WithTimeout(g.crowd.ctx, exchangeWithin)
	defer cancel()
	g.asks()
	reply, err := g.client.Letters(ctx, fleet.LettersRequest{Letters: a.Letters})
	if err != nil {
		g.tell(Failed, err.Error())
		g.post(func(time.Time) { g.core.NotHanded(a.Number) })
		return
	}
	g.post(func(now time.Time) { g.core.Handed(now, a.Number, reply.Answers) })
}

// replied: another guest, or this one, has the hub's answer.
func (g *guest) replied(by string, a agent.Reply) {
	g.news.Lock()
	defer g.news.Unlock()
	a.Peer = by
	ctx, cancel := context.WithTimeout(g.crowd.ctx, exchangeWithin)
	defer cancel()
	reply, err := g.client.Read(ctx, a.Answer, g.letter)
	if err != nil {
		g.post(func(now time.Time) { g.core.NotReplied(now, by, a.Number) })
		return
	}
	g.heard(reply)
	g.post(func(now time.Time) { g.core.Replied(now, a, reply) })
}
