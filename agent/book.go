// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/ebbproject/ebb/fleet"
)

// Limits of the address book.
const (
	maxNeighbours = 16 // hosts of the own location that we connect to
	maxStrangers  = 6  // hosts elsewhere that we connect to
	redialFirst   = 500 * time.Millisecond
	redialMost    = 30 * time.Second // nothing gives up for good: a host is tried again at least this often
	idleHangup    = 60 * time.Second // a conversation that serves no flow ends after this
	maxOffences   = 3                // breaches of the protocol after which a peer is banned
	offenceBan    = 10 * time.Minute // for so long
)

// ban is who is not to be talked to before until.
type ban struct {
	until time.Time
	why   string // "sending wrong data"
}

// Dial asks the edge to connect to a peer.
type Dial struct {
	Peer string
	Addr netip.AddrPort
	TLS  uint16 // TCP port at the same address, of a neighbour that has the LAN carrier; 0: none
}

// Hangup asks the edge to end the conversation with a peer.
type Hangup struct{ Peer string }

type contact struct {
	fleet.Member
	dialing   bool
	connected bool
	silent    bool          // connected, and not heard for so long that it may have forgotten us
	lastUse   time.Time     // a flow wanted this peer
	listed    time.Time     // when the hub last told of it
	retryAt   time.Time     // not before
	weight    uint64        // a hash of both names: see nearest
	backoff   time.Duration // doubles with each failure, up to redialMost
	dialled   time.Time     // when the last attempt to reach it began ...
	vain      time.Time     // ... and the last one that failed, if nothing was heard of it since; zero: none
	apart     bool          // the hub hears it all the same, as it last said
}

// settled reports whether nothing more can be done to reach it.
func (c *contact) settled() bool { return c.connected && !c.silent || c.dialing }

// Book is the address book: who there is, where, and when to try them again. The hub is always wanted, because it
// tells us our own address; neighbours and holders are wanted while a flow is active.
type Book struct {
	self    fleet.Identity
	here    fleet.Place // what the hub says of our network
	rnd     *rand.Rand
	people  map[string]*contact
	active  bool            // some flow still needs peers
	keeps   bool            // neighbours are wanted all the same
	super   string          // by way of whom this host should report; see elect
	used    time.Time       // when one did last
	list    []*contact      // see wanted ...
	stale   bool            // ... which is out of date
	holders map[string]bool // peers known to hold something that is wanted
	banned  map[string]ban
	offence map[string]int // breaches of the protocol by each peer since its last ban
}

// NewBook is an empty book.
func NewBook(self fleet.Identity, seed uint64) *Book {
	return &Book{self: self, rnd: rand.New(rand.NewPCG(seed, 0x626f6f6b)), people: map[string]*contact{},
		holders: map[string]bool{}, banned: map[string]ban{}, offence: map[string]int{}}
}

// Listed takes over what the hub (or the journal) says of a host.
// It reports whether anything of that is to be written to the journal.
func (b *Book) Listed(now time.Time, m fleet.Member) (changed bool) {
	if m.Peer == b.self.Peer || m.Peer == "" {
		return false
	}
	c := b.people[m.Peer]
	if c == nil {
		c = b.meet(m)
		c.lastUse = now
	}
	if c.Lan != m.Lan || c.Wan != m.Wan || c.TLS != m.TLS { // it moved: what we learnt of the old address is void
		c.retryAt, c.backoff, c.vain = time.Time{}, 0, time.Time{}
		b.stale, changed = true, true
	}
	if c.connected { // its certificate has said where it is
		m.Role, m.Location = c.Role, c.Location
	}
	if c.Role != m.Role || c.Location != m.Location || c.Subnet != m.Subnet || c.Link != m.Link || c.Relay != m.Relay || c.listed.IsZero() {
		b.stale, changed = true, true
	}
	c.Member, c.listed = m, now
	if len(m.Holds) > 0 && !b.holders[m.Peer] {
		b.holders[m.Peer], b.stale = true, true
	}
	return changed
}

// meet enters a host that was not known.
func (b *Book) meet(m fleet.Member) *contact {
	h := fnv.New64a()
	h.Write([]byte(min(b.self.Peer, m.Peer)))
	h.Write([]byte(max(b.self.Peer, m.Peer)))
	c := &contact{Member: m, weight: h.Sum64()}
	b.people[m.Peer], b.stale = c, true
	return c
}

// Active says whether some flow still needs peers.
func (b *Book) Active(now time.Time, active bool) {
	if active {
		b.used = now
	}
	if b.active != active {
		b.active, b.stale = active, true
	}
}

// Connected says that a conversation has begun, whoever dialled.
func (b *Book) Connected(now time.Time, id fleet.Identity) {
	c := b.people[id.Peer]
	if c == nil {
		c = b.meet(fleet.Member{Peer: id.Peer, Role: id.Role, Location: id.Location})
	}
	b.stale = true
	c.Role, c.Location = id.Role, id.Location
	c.connected, c.silent, c.dialing, c.backoff, c.retryAt, c.lastUse, c.vain = true, false, false, 0, time.Time{}, now, time.Time{}
}

// Silent says that a connected peer has not been heard for a while, or that it is heard again. Nothing tells a path
// that is cut from a host that was killed and came back without knowing us, so it is dialled beside the conversation.
func (b *Book) Silent(peer string, silent bool) {
	if c := b.people[peer]; c != nil {
		if c.silent = silent && c.connected; !silent {
			c.vain = time.Time{}
		}
		b.stale = b.stale || c.Relay
	}
}

// NotReached says that dialling a silent peer has failed; the conversation with it goes on.
func (b *Book) NotReached(now time.Time, peer string) {
	if c := b.people[peer]; c != nil {
		c.tried()
		c.dialing = false
		b.postpone(now, c)
	}
}

// Lost says that a conversation has ended or that dialling has failed; the peer is tried again later.
func (b *Book) Lost(now time.Time, peer string) {
	c := b.people[peer]
	if c == nil {
		return
	}
	c.tried()
	c.connected, c.silent, c.dialing = false, false, false
	b.stale = b.stale || c.Role == fleet.RoleHub
	b.postpone(now, c)
}

// postpone sets when a peer that was not reached is dialled again.
func (b *Book) postpone(now time.Time, c *contact) {
	c.backoff = min(max(2*c.backoff, redialFirst), redialMost)
	b.stale = b.stale || c.backoff >= doubtful || c.Relay // somebody else takes its place
	// A spread of a factor of two keeps a whole location from dialling in step after an outage.
	c.retryAt = now.Add(c.backoff/2 + time.Duration(b.rnd.Int64N(int64(c.backoff))))
}

// Used says that the peer serves us or is served by us.
func (b *Book) Used(now time.Time, peer string) {
	if c := b.people[peer]; c != nil {
		c.lastUse = now
	}
}

// Banned says that a peer sent wrong data and is not to be talked to before until.
func (b *Book) Banned(peer string, until time.Time) {
	b.banned[peer] = ban{until, "sending wrong data"}
}

// Offended says that a peer broke the protocol; it reports whether that was once too often, and the peer is banned now.
func (b *Book) Offended(now time.Time, peer string) bool {
	if b.offence[peer]++; b.offence[peer] < maxOffences {
		return false
	}
	delete(b.offence, peer)
	b.banned[peer] = ban{now.Add(offenceBan), "breaking the protocol"}
	return true
}

// Refuses reports whether the peer is banned now.
func (b *Book) Refuses(now time.Time, peer string) bool { return now.Before(b.banned[peer].until) }

// HubConnected reports whether a conversation with the hub is open.
func (b *Book) HubConnected() bool {
	for _, c := range b.people {
		if c.Role == fleet.RoleHub && c.connected {
			return true
		}
	}
	return false
}

// Neighbour reports whether the peer lives in our location.
func (b *Book) Neighbour(peer string) bool {
	c := b.people[peer]
	return c != nil && b.near(c)
}

// address is where the peer is reached from here; false when it is not known yet.
func (b *Book) address(c *contact) (netip.AddrPort, bool) {
	text := c.Wan
	if b.near(c) || text == "" && c.Role == fleet.RoleHub {
		text = c.Lan
	}
	addr, err := netip.ParseAddrPort(text)
	return addr, err == nil
}

// lanPort is where a neighbour is reached over the LAN carrier; 0: it is not.
func (b *Book) lanPort(c *contact) uint16 {
	if !b.Neighbour(c.Peer) {
		return 0
	}
	return c.TLS
}

// wanted lists whom we want to talk to, best first. It is asked for with every event, and worked out when it has changed.
func (b *Book) wanted() []*contact {
	if b.stale {
		b.list, b.stale = b.choose(), false
	}
	return b.list
}

func (b *Book) choose() []*contact {
	var hub, near, far, unknown []*contact
	for _, c := range b.people {
		switch {
		case c.Role == fleet.RoleHub:
			hub = append(hub, c)
		case !b.active && !(b.keeps && b.near(c)):
		case b.near(c):
			near = append(near, c)
		case b.holders[c.Peer]:
			far = append(far, c)
		default:
			unknown = append(unknown, c)
		}
	}
	list := append(b.nearest(hub, len(hub)), b.elect()...)
	elected := list
	for _, c := range b.neighbours(near) {
		if !slices.Contains(elected, c) {
			list = append(list, c)
		}
	}
	list = append(list, b.strangers(far)...)
	if !b.HubConnected() { // nobody tells us who holds what: ask around
		list = append(list, b.nearest(unknown, maxStrangers)...)
	}
	return list
}

// nearest orders contacts by a hash of both names, so that the fleet spreads itself over the peers instead of
// everyone choosing the same few.
func (b *Book) nearest(cs []*contact, most int) []*contact {
	slices.SortFunc(cs, func(x, y *contact) int {
		return cmp.Or(cmp.Compare(x.weight, y.weight), cmp.Compare(x.Peer, y.Peer))
	})
	return cs[:min(len(cs), most)]
}

// Deadline is when Take may have something new without an event.
func (b *Book) Deadline() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, c := range b.wanted() {
		if c.settled() {
			continue
		}
		if _, ok := b.address(c); ok {
			earlier(later(c.retryAt, b.banned[c.Peer].until))
		}
	}
	if b.active {
		return first
	}
	for _, c := range b.people {
		if c.connected && b.idles(c) {
			earlier(later(c.lastUse, b.used).Add(idleHangup))
		}
	}
	return first
}

// idles reports whether a conversation with a host ends when no flow needs it.
func (b *Book) idles(c *contact) bool {
	return c.Role != fleet.RoleHub && c.Peer != b.super && !(b.keeps && b.near(c))
}

// Take returns the next Dial or Hangup.
func (b *Book) Take(now time.Time) (Action, bool) {
	for _, c := range b.wanted() {
		if c.settled() || now.Before(c.retryAt) || b.Refuses(now, c.Peer) {
			continue
		}
		if addr, ok := b.address(c); ok {
			c.dialing, c.dialled = true, now
			return Dial{Peer: c.Peer, Addr: addr, TLS: b.lanPort(c)}, true
		}
	}
	if b.active {
		return nil, false
	}
	for _, peer := range b.names() {
		c := b.people[peer]
		if c.connected && b.idles(c) && now.Sub(later(c.lastUse, b.used)) >= idleHangup {
			c.connected = false
			c.retryAt = time.Time{}
			return Hangup{Peer: peer}, true
		}
	}
	return nil, false
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// names lists everybody in the book in a fixed order.
func (b *Book) names() []string {
	names := make([]string, 0, len(b.people))
	for name := range b.people {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
