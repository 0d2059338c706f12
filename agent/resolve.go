// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

// manifestLimit is the largest signed manifest asked of a peer.
const manifestLimit = uint32(min(content.MaxSigned, transfer.MaxReply))

const (
	resolveEvery = 3 * time.Second // how often an open question is asked again
	askNumber    = 1 << 63         // questions are numbered from here, fetches of the scheduler from 1
)

// ask is a question to one peer about a name, or for a manifest.
type ask struct {
	peer string
	flow string
	id   content.ID // of the manifest; zero while a name is asked for
}

// resolve asks who can tell the manifest of the flow: the hub first, because it knows the newest.
func (c *Core) resolve(now time.Time, f *flow) {
	f.tryAt = now.Add(resolveEvery)
	if id, err := content.ParseID(f.ref); err == nil && c.holdings[id] != nil {
		c.manifestKnown(now, f, id)
		return
	}
	if f.asking { // a large manifest takes its time on a slow line
		return
	}
	f.asking = true
	c.do(Resolve{Ref: f.ref})
}

// resolveAgain repeats what is due: open questions, and exports that waited for room.
func (c *Core) resolveAgain(now time.Time) {
	for _, f := range c.openFlows() {
		if f.tryAt.IsZero() || now.Before(f.tryAt) {
			continue
		}
		switch f.state {
		case api.StateResolving:
			c.resolve(now, f)
		case api.StateAssembling:
			c.export(f)
		default:
			f.tryAt = time.Time{}
		}
	}
}

func (c *Core) nextResolve() time.Time {
	var first time.Time
	for _, f := range c.openFlows() {
		if !f.tryAt.IsZero() && (first.IsZero() || f.tryAt.Before(first)) {
			first = f.tryAt
		}
	}
	return first
}

// Resolved: the hub sent the signed manifest of a ref.
func (c *Core) Resolved(now time.Time, ref string, raw []byte) {
	id, err := c.learn(now, raw)
	for _, f := range c.openFlows() {
		if f.state != api.StateResolving || f.ref != ref {
			continue
		}
		f.asking = false
		if err != nil {
			c.finish(now, f, api.StateFailed, problemCode(err), err.Error())
			continue
		}
		// The hub may have been restored from an older copy: a name never goes back to what was superseded here.
		if newest, ok := c.names.Newest(ref); ok {
			id = newest
		}
		c.manifestKnown(now, f, id)
	}
}

// Unresolved: the hub does not know the ref (why is None), or cannot be asked: then it is the reason for that.
func (c *Core) Unresolved(now time.Time, ref string, why scheduler.Reason, detail string) {
	for _, f := range c.openFlows() {
		if f.state != api.StateResolving || f.ref != ref {
			continue
		}
		f.asking = false
		if id, ok := c.names.Newest(ref); ok {
			c.manifestKnown(now, f, id)
			continue
		}
		if why == scheduler.None {
			c.finish(now, f, api.StateFailed, api.CodeNotFound, detail)
			continue
		}
		f.code, f.detail, f.askPeers = why.String(), detail, true
		for _, name := range sortedKeys(c.peers) {
			c.askPeer(name, f)
		}
	}
}

// askPeer asks a peer what the hub cannot be asked.
func (c *Core) askPeer(name string, f *flow) {
	for _, a := range c.asks {
		if a.peer == name && a.flow == f.id {
			return
		}
	}
	c.asked++
	number := askNumber + c.asked
	if id, err := content.ParseID(f.ref); err == nil {
		c.asks[number] = ask{peer: name, flow: f.id, id: id}
		c.do(Fetch{Peer: name, Fetch: number, Kind: transfer.KindManifest, ID: id, Size: manifestLimit, Priority: 255, Content: id})
		return
	}
	c.asks[number] = ask{peer: name, flow: f.id}
	c.do(Ask{Peer: name, Fetch: number, Name: f.ref})
}

// Named: a peer answered which content has a name.
func (c *Core) Named(now time.Time, name string, number uint64, id content.ID) {
	a, ok := c.asks[number]
	f := c.flows[a.flow]
	delete(c.asks, number)
	if !ok || f == nil || f.state != api.StateResolving {
		return
	}
	c.asked++
	number = askNumber + c.asked
	c.asks[number] = ask{peer: name, flow: f.id, id: id}
	c.do(Fetch{Peer: name, Fetch: number, Kind: transfer.KindManifest, ID: id, Size: manifestLimit, Priority: 255, Content: id})
}

// ManifestArrived: a peer sent a manifest. A forged one only costs the question.
func (c *Core) ManifestArrived(now time.Time, number uint64, raw []byte) {
	a, ok := c.asks[number]
	f := c.flows[a.flow]
	delete(c.asks, number)
	if !ok || f == nil || f.state != api.StateResolving {
		return
	}
	id, err := c.learn(now, raw)
	c.judgeManifest(a, len(raw), err == nil && id == a.id)
	switch {
	case err != nil:
		f.code, f.detail = problemCode(err), fmt.Sprintf("peer %s sent a manifest that is not acceptable: %v", a.peer, err)
	case id != a.id:
		f.detail = fmt.Sprintf("peer %s sent another manifest than asked for", a.peer)
	case f.ref != id.String() && c.holdings[id].manifest.Name != f.ref:
		f.detail = fmt.Sprintf("peer %s sent the manifest of %q for the name %q", a.peer, c.holdings[id].manifest.Name, f.ref)
	case f.ref != id.String():
		id, _ = c.names.Newest(f.ref) // known: the manifest that came has the name
		c.manifestKnown(now, f, id)
	default:
		c.manifestKnown(now, f, id)
	}
}

// unanswered: a peer refused a question; the next is asked when the question is repeated.
func (c *Core) unanswered(now time.Time, a ask) {
	if f := c.flows[a.flow]; f != nil && f.state == api.StateResolving && f.detail == "" {
		f.detail = fmt.Sprintf("peer %s does not know it", a.peer)
	}
}

func (c *Core) askNumbers() []uint64 { return sortedKeys(c.asks) }

// Published: a signed manifest was made or taken over on this very host.
func (c *Core) Published(now time.Time, raw []byte) (content.ID, error) {
	id, err := c.learn(now, raw)
	c.hub.nextSync = now
	return id, err
}

// learn verifies a signed manifest and remembers it, durably before it is acted on. Whoever asked for the content
// while it was unknown here now hears what is held.
func (c *Core) learn(now time.Time, raw []byte) (content.ID, error) {
	signed, err := content.ParseSigned(raw)
	if err != nil {
		return content.ID{}, err
	}
	m, err := signed.Verify(c.cfg.Publishers, now)
	if err != nil {
		return content.ID{}, err
	}
	id := signed.ID()
	if c.holdings[id] != nil {
		return id, nil
	}
	c.do(Record{Key: keyManifest + id.String(), Value: raw})
	c.remember(id, m)
	return id, nil
}

// remember takes a verified manifest into the books.
func (c *Core) remember(id content.ID, m *content.Manifest) {
	h := newHolding(id, m, c.held)
	c.used(h)
	c.holdings[id] = h
	c.keeper.Changed() // it may supersede another
	c.names.Published(m.Name, fleet.Version{Content: id, Created: m.Created})
}

// problemCode says which code of the API an error of a manifest becomes.
func problemCode(err error) string {
	if errors.Is(err, content.ErrSignature) || errors.Is(err, content.ErrUnknownPublisher) || errors.Is(err, content.ErrExpired) ||
		errors.Is(err, content.ErrMalformed) {
		return api.CodeIntegrity
	}
	return api.CodeInternal
}
