// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/transfer"
)

// A neighbour whose processors are busy refuses to serve, whoever asks is told why, and what it holds comes from elsewhere.
func TestBusyHostRefusesAndOthersServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", 3<<20, w.secret)
	busy := gentle.Blind()
	busy.CPU = 0.95
	near := w.startWith(w.host(fleet.RoleAgent, "berlin"), func(o *Options) {
		o.Gentle, o.Sense = gentle.DefaultPolicy(), func() gentle.Sample { return busy }
	})
	near.holds(x)
	w.list(near.node.Identity, near.Addr())
	var s api.Status
	eventually(t, "the refusal of a busy host", func() bool {
		near.call(http.MethodGet, "status", "", &s)
		return !s.Serving.OK
	})
	if s.Serving.Reason != "cpu" || s.Serving.Sensors == nil || *s.Serving.Sensors.CPU != 0.95 {
		t.Errorf("%+v", s.Serving)
	}

	us := w.start(w.host(fleet.RoleAgent, "berlin"))
	id, out := us.get("image")
	eventually(t, "the reason at the asker", func() bool {
		var why api.Why
		us.call(http.MethodGet, "why/image", "", &why)
		return slices.ContainsFunc(why.Reasons, func(r api.Reason) bool { return r.Code == "cpu" && r.Peer == near.node.Identity.Peer })
	})
	if p := us.peer(near.node.Identity.Peer); p.Refusal != "cpu" || p.Received != 0 {
		t.Errorf("%+v", p)
	}

	far := w.start(w.host(fleet.RoleAgent, "oslo"))
	far.holds(x)
	w.list(far.node.Identity, far.Addr())
	w.holder(far.node.Identity.Peer, x)
	f := us.arrives(id, out, x)
	if f.From.LAN != 0 || f.From.WAN < int64(len(x.bytes)) {
		t.Errorf("%+v", f.From)
	}
}

// A cap that is set while two hosts have met and have not greeted each other cannot be said yet. It is said before the first fetch.
func TestACapBeforeTheHello(t *testing.T) {
	now := time.Now()
	self, hub := fleet.Identity{Peer: "till-1", Location: "berlin", Role: fleet.RoleAgent}, fleet.Identity{Peer: "hub", Location: "hub", Role: fleet.RoleHub}
	d := &Daemon{o: Options{Node: &node.Node{Identity: self}}, caps: newCaps(gentle.Rates{}), peers: map[string]*conversation{}}
	p := &conversation{d: d, id: hub, mail: newMailbox[any]()}
	d.peers[hub.Peer] = p
	d.caps.fromFar = d.limited(now, d.caps.fromFar, 8000, false)
	p.mail.all() // before the hello nothing of it is said
	p.greeted(agent.New(now, agent.Config{Self: self}), now, transfer.PeerHello{})
	for range 2 {
		d.fetch(agent.Fetch{Peer: hub.Peer})
	}
	said := p.mail.all()
	if len(said) != 3 || said[0] != any(limit{8000}) {
		t.Errorf("%+v, want the limit, once and first, and two fetches", said)
	}
}

// A cap is what it says, on either end of the conversation: so many bytes cannot have come any sooner.
func TestCapsHold(t *testing.T) {
	const size, cap = 1 << 20, 512 << 10
	for name, x := range map[string]struct {
		from, to gentle.Rates
		place    string
	}{
		"upload":     {from: gentle.Rates{Upload: cap}, place: "oslo"},
		"download":   {to: gentle.Rates{Download: cap}, place: "oslo"},
		"lan upload": {from: gentle.Rates{LAN: cap}, place: "berlin"},
		"lan":        {to: gentle.Rates{LAN: cap, Download: 1 << 40}, place: "berlin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			image := w.publish("image", size, w.secret)
			source := w.startWith(w.host(fleet.RoleAgent, x.place), func(o *Options) { o.Gentle.Rates = x.from })
			source.holds(image)
			w.list(source.node.Identity, source.Addr())
			w.holder(source.node.Identity.Peer, image)
			sink := w.startWith(w.host(fleet.RoleAgent, "berlin"), func(o *Options) { o.Gentle.Rates = x.to })
			eventually(t, "the conversation", func() bool { return sink.peer(source.node.Identity.Peer).Peer != "" })
			began := time.Now()
			id, out := sink.get("image")
			sink.arrives(id, out, image)
			if took, least := time.Since(began), time.Duration(float64(size-gentle.BurstOf(cap))/cap*float64(time.Second)); took < least {
				t.Errorf("%d bytes came in %v, at the cap they need %v", size, took, least)
			}
		})
	}
}

// Caps of one side bind nothing of the other.
func TestTheCapsAreApart(t *testing.T) {
	t.Parallel()
	c := newCaps(gentle.Rates{Upload: 1000})
	if c.far.off.Load() || !c.near.off.Load() || c.fromFar != nil || c.fromNear != nil {
		t.Errorf("%+v", c)
	}
	c = newCaps(gentle.Rates{LAN: 1000})
	if !c.far.off.Load() || c.near.off.Load() || c.fromFar != nil || c.fromNear == nil {
		t.Errorf("%+v", c)
	}
}

// What a conversation may send is what the strictest cap allows, and what the carrier sends by itself is made up for.
func TestAllowance(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := allowance{total: newThrottle(1e6), own: newThrottle(1e5), datagram: 1400}
	n := b.room(now, 1<<20)
	if n <= 0 || n >= gentle.BurstOf(1e5) {
		t.Errorf("%d bytes, the burst is %d", n, gentle.BurstOf(1e5))
	}
	b.sent(now, n)
	if more := b.room(now, 1<<20); more != 0 || b.again.Sub(now) <= 0 || b.again.Sub(now) > 30*time.Millisecond {
		t.Errorf("%d bytes more, again in %v", more, b.again.Sub(now))
	}
	b.measured(now, b.charged+1e5, 1400)
	if later := now.Add(900 * time.Millisecond); b.room(later, 1<<20) != 0 {
		t.Error("a second's worth of unasked bytes is forgotten before the second is over")
	}
	if (&allowance{}).room(now, 4321) != 4321 {
		t.Error("without a cap there is one")
	}
}
