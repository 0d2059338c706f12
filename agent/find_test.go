// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/discovery"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

// lonely is a core whose hub does not answer and that knows nobody.
type lonely struct {
	t    *testing.T
	now  time.Time
	core *Core
}

func newLonely(t *testing.T, d discovery.Config) *lonely {
	self := fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "shop", Peer: "00000000000000aa"}
	l := &lonely{t: t, now: epoch, core: New(epoch, Config{Self: self, Held: func(content.ID) bool { return false }, Discovery: d})}
	l.core.HubKnown(epoch, fleet.Member{Peer: "00000000000000fe", Role: fleet.RoleHub, Location: "hq", Lan: "10.0.0.1:8733"})
	return l
}

// pass lets d pass; the hub fails at whatever it is asked. It returns the actions that look for others.
func (l *lonely) pass(d time.Duration) (looks int, reached []Reach, dials []Dial) {
	for end := l.now.Add(d); !l.now.After(end); l.now = l.now.Add(50 * time.Millisecond) {
		l.core.Advance(l.now)
		for a, ok := l.core.Take(l.now); ok; a, ok = l.core.Take(l.now) {
			switch a := a.(type) {
			case Sync:
				l.core.SyncFailed(l.now, scheduler.HubUnreachable, "no answer")
			case Resolve:
				l.core.Unresolved(l.now, a.Ref, scheduler.HubUnreachable, "no answer")
			case Dial:
				if a.Peer == "00000000000000fe" {
					l.core.PeerDown(l.now, a.Peer)
					continue
				}
				dials = append(dials, a)
			case Look:
				looks++
			case Reach:
				reached = append(reached, a)
			}
		}
	}
	return looks, reached, dials
}

func neighbour(name string) fleet.Identity {
	return fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "shop", Peer: "00000000000000" + name}
}

// A host that wants something, and whose hub is away, looks around; who shows a certificate is asked, and written down by name.
func TestAHostLooksAroundWhenItsHubIsAway(t *testing.T) {
	l := newLonely(t, discovery.Config{Multicast: true})
	if looks, reached, _ := l.pass(time.Minute); looks+len(reached) > 0 {
		t.Fatalf("it looks around though it wants nothing: %d, %v", looks, reached)
	}
	l.core.Get(l.now, api.Get{Ref: "image"})
	if looks, _, _ := l.pass(time.Second); looks != 1 {
		t.Fatalf("looked around %d times", looks)
	}
	at := netip.MustParseAddrPort("10.1.0.5:8733")
	l.core.Heard(l.now, discovery.Hint{Addr: at, TLS: 8734})
	l.core.Looked(l.now, "")
	_, reached, _ := l.pass(time.Second)
	if len(reached) != 1 || reached[0] != (Reach{Where: at.String(), TLS: 8734}) {
		t.Fatalf("reached out to %v", reached)
	}
	b := neighbour("bb")
	l.core.Reached(l.now, at.String(), fleet.Member{Peer: b.Peer, Role: b.Role, Location: b.Location, Lan: at.String(), TLS: 8734})
	l.core.PeerUp(l.now, b)
	var asked, saved bool
	for a, ok := l.core.Take(l.now); ok; a, ok = l.core.Take(l.now) {
		switch a := a.(type) {
		case Ask:
			asked = a.Peer == b.Peer && a.Name == "image"
		case Record:
			saved = saved || a.Key == keyMembers && strings.Contains(string(a.Value), at.String())
		}
	}
	if !asked || !saved {
		t.Errorf("asked %t, written down %t", asked, saved)
	}
	if got := l.core.book.Class(b.Peer); got != scheduler.Location {
		t.Errorf("it counts as %v", got)
	}
	// It goes: the address book dials it by name, and what is heard from there again is no news.
	l.core.PeerDown(l.now, b.Peer)
	l.core.Heard(l.now, discovery.Hint{Addr: at, TLS: 8734})
	_, reached, dials := l.pass(5 * time.Second)
	if len(reached) > 0 || len(dials) != 1 || dials[0] != (Dial{Peer: b.Peer, Addr: at, TLS: 8734}) {
		t.Errorf("reached out to %v, dialled %v", reached, dials)
	}
}

// Where a host belongs its certificate says, whatever network it is heard on; and who finds itself does not do so twice.
func TestTheCertificateSaysWhoIsFound(t *testing.T) {
	l := newLonely(t, discovery.Config{Static: []string{"10.1.0.9:1", "me:1"}})
	l.core.Get(l.now, api.Get{Ref: "image"})
	_, reached, _ := l.pass(2 * time.Second)
	if len(reached) != 2 {
		t.Fatalf("reached out to %v", reached)
	}
	l.core.Reached(l.now, "me:1", fleet.Member{Peer: l.core.cfg.Self.Peer, Role: fleet.RoleAgent, Location: "shop", Lan: "10.1.0.2:1"})
	claims := fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "elsewhere", Peer: "00000000000000cc"}
	l.core.Reached(l.now, "10.1.0.9:1", fleet.Member{Peer: claims.Peer, Role: claims.Role, Location: claims.Location, Lan: "10.1.0.9:1"})
	l.core.PeerUp(l.now, claims)
	if got := l.core.book.Class(claims.Peer); got != scheduler.Far || l.core.book.Neighbour(claims.Peer) {
		t.Errorf("a host of another location counts as %v", got)
	}
	if l.core.book.people[l.core.cfg.Self.Peer] != nil {
		t.Error("it knows itself as another")
	}
	if _, reached, _ = l.pass(2 * time.Minute); len(reached) > 0 {
		t.Errorf("reached out again to %v", reached)
	}
}

// What the hub says of a host counts while the host is there: a second address does not replace the first.
func TestWhatTheHubSaysStays(t *testing.T) {
	b := NewBook(neighbour("aa"), 1)
	m := fleet.Member{Peer: neighbour("bb").Peer, Role: fleet.RoleAgent, Location: "shop", Lan: "10.1.0.5:8733", Wan: "198.51.100.7:8733"}
	b.Listed(epoch, m)
	found := fleet.Member{Peer: m.Peer, Role: m.Role, Location: m.Location, Lan: "10.1.0.6:9"}
	if b.Found(found) || b.people[m.Peer].Lan != m.Lan {
		t.Error("the address that the hub told was given up for another")
	}
	b.Lost(epoch, m.Peer) // it is not where the hub says
	if !b.Found(found) || b.people[m.Peer].Lan != found.Lan || b.people[m.Peer].Wan != m.Wan {
		t.Errorf("%+v", b.people[m.Peer].Member)
	}
	if addr, ok := b.address(b.people[m.Peer]); !ok || addr.String() != found.Lan {
		t.Errorf("dialled at %v", addr)
	}
}
