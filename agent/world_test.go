// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// world joins cores in virtual time: what one core wants done to a peer arrives there as an event a little later. It
// keeps what a disk would keep, so that a core can die and come back.
type world struct {
	t       *testing.T
	now     time.Time
	hosts   map[string]*host
	names   []string
	events  []event
	hubDown bool
	outcast bool // the hub answers and refuses everybody
	pace    int  // seconds, see fleet.SyncReply.Every
	news    int  // exchanges with the hub so far
	asks    int  // questions for copies so far
	key     ed25519.PrivateKey
	control *ecdsa.PublicKey // signs orders; nil: nobody does
	dir     *fleet.Directory
	copies  *fleet.Copies
	catalog map[string][]byte // by name and id
	bad     map[string]bool   // hosts that send wrong bytes
	post    post
	walls   map[string]bool // between pairs of hosts, which do not reach each other
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

// host is a core with its disk.
type host struct {
	id       fleet.Identity
	core     *Core
	up       bool
	life     int // counts restarts; what was on its way to an earlier life is lost
	chunks   map[content.ID][]byte
	records  map[string][]byte
	links    map[string]bool
	wrote    []string // outputs of exports
	received int      // chunk bytes that arrived in all lives
	full     bool     // the disk is
	waiting  []Store
	asked    int64 // bytes that were asked for when the disk was first found full

	limits        cache.Limits
	total, others int64 // bytes of the volume, and of it what is not ours; 0: it cannot be measured
	least         int64 // the least that was free after we wrote
}

func (h *host) stored() (bytes int64) {
	for _, b := range h.chunks {
		bytes += int64(len(b))
	}
	return bytes
}

func (h *host) free() int64 { return h.total - h.others - h.stored() }

// bounded sets a host up anew with a volume and limits.
func (w *world) bounded(name string, total int64, l cache.Limits) *host {
	h := w.hosts[name]
	h.total, h.limits, h.least = total, l, total
	w.kill(name)
	w.boot(name)
	return h
}

// measure looks at the volume every second.
func (w *world) measure(name string) {
	w.after(time.Second, name, func(h *host) {
		h.core.DiskMeasured(w.now, h.free(), h.total, h.stored())
		w.measure(name)
	})
}

// evict removes chunks a little later, as a disk does.
func (w *world) evict(name string, a Evict) {
	w.after(20*time.Millisecond, name, func(h *host) {
		for _, id := range a.IDs {
			for _, x := range h.core.sortedHoldings() {
				if i, ok := x.index(id); ok && x.have[i] {
					w.t.Fatalf("%s removes chunk %s and calls it held", name, id.Short())
				}
			}
			delete(h.chunks, id)
		}
		h.core.DiskMeasured(w.now, h.free(), h.total, h.stored())
		h.core.Evicted(w.now, a.IDs)
	})
}

func newWorld(t *testing.T) *world {
	seed := sha256.Sum256([]byte("publisher"))
	w := &world{t: t, now: epoch, hosts: map[string]*host{}, key: ed25519.NewKeyFromSeed(seed[:]), copies: fleet.NewCopies(), catalog: map[string][]byte{},
		bad: map[string]bool{}, walls: map[string]bool{}}
	w.add("hub", fleet.RoleHub, "hub")
	w.newHub(1)
	return w
}

// newHub is a hub that knows nothing of any host.
func (w *world) newHub(life uint64) {
	w.dir = fleet.NewDirectory(fleet.Member{Peer: w.hosts["hub"].id.Peer, Role: fleet.RoleHub, Location: "hub", Lan: w.addr("hub"), Wan: w.addr("hub")})
	w.dir.Life = life
}

func (w *world) addr(name string) string {
	return fmt.Sprintf("10.0.0.%d:1", slices.Index(w.names, name)+1)
}

func (w *world) add(name string, role fleet.Role, location string) *host {
	sum := sha256.Sum256([]byte(name))
	h := &host{id: fleet.Identity{Fleet: "00000000000000ff", Role: role, Location: location, Peer: fleet.PeerName(sum[:])},
		chunks: map[content.ID][]byte{}, records: map[string][]byte{}, links: map[string]bool{}}
	w.hosts[name] = h
	w.names = append(w.names, name)
	w.boot(name)
	return h
}

func (w *world) boot(name string) {
	h := w.hosts[name]
	h.life++
	h.up = true
	h.core = New(w.now, Config{Self: h.id, Control: w.control, Publishers: []ed25519.PublicKey{w.key.Public().(ed25519.PublicKey)}, Seed: uint64(h.life),
		Held: func(id content.ID) bool { return h.chunks[id] != nil }, Stored: h.stored, Limits: h.limits, Free: h.free(), Total: h.total})
	for _, err := range h.core.Restore(w.now, h.records) {
		w.t.Fatal(err)
	}
	if h.total > 0 {
		w.measure(name)
	}
}

// kill ends a host without a word.
func (w *world) kill(name string) {
	h := w.hosts[name]
	h.up, h.life, h.waiting = false, h.life+1, nil
	for peer := range h.links {
		w.hangup(name, peer)
	}
}

// vanish ends a host so that nobody notices.
func (w *world) vanish(name string) {
	h := w.hosts[name]
	h.up, h.life, h.waiting, h.links = false, h.life+1, nil, map[string]bool{}
}

// divide puts up a wall between two hosts, or takes it down.
func (w *world) divide(a, b string, wall bool) {
	w.walls[a+b], w.walls[b+a] = wall, wall
	if wall && w.hosts[a].links[b] {
		w.hangup(a, b)
	}
}

func (w *world) hangup(a, b string) {
	delete(w.hosts[a].links, b)
	delete(w.hosts[b].links, a)
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		if h := w.hosts[pair[0]]; h.up {
			h.core.PeerDown(w.now, w.hosts[pair[1]].id.Peer)
		}
	}
}

func (w *world) name(peer string) string {
	for _, n := range w.names {
		if w.hosts[n].id.Peer == peer {
			return n
		}
	}
	w.t.Fatalf("no host is called %s", peer)
	return ""
}

// publish makes a content of that many chunks at the hub.
func (w *world) publish(name string, chunks int) *content.Manifest {
	return w.publishAt(name, chunks, epoch)
}

func (w *world) publishAt(name string, chunks int, created time.Time) *content.Manifest {
	m := &content.Manifest{Name: name, Version: "1", Type: "test", Created: created}
	var size int64
	for i := range chunks {
		data := bytes.Repeat([]byte(fmt.Sprintf("%s %d %d ", name, created.Unix(), i)), content.MinChunk/16)
		c := content.Chunk{ID: content.Sum(data), Size: uint32(len(data))}
		m.Chunks = append(m.Chunks, c)
		w.hosts["hub"].chunks[c.ID] = data
		size += int64(c.Size)
	}
	m.Entries = []content.Entry{{Path: name, Kind: content.File, Mode: 0o644, Size: size}}
	signed, err := content.Sign(m, w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.hosts["hub"].core.Published(w.now, signed.Encode()); err != nil {
		w.t.Fatal(err)
	}
	w.catalog[name], w.catalog[signed.ID().String()] = signed.Encode(), signed.Encode()
	return m
}

func (w *world) get(name, ref string) string {
	return w.hosts[name].core.Get(w.now, api.Get{Ref: ref, Out: "/out/" + name})
}

func (w *world) flow(name, id string) api.Flow {
	f, ok := w.hosts[name].core.Flow(w.now, id)
	if !ok {
		w.t.Fatalf("%s has no flow %s", name, id)
	}
	return f
}

// after lets something happen on a host later, unless it has died by then.
func (w *world) after(d time.Duration, name string, do func(*host)) {
	h := w.hosts[name]
	life := h.life
	w.events = append(w.events, event{w.now.Add(d), len(w.events), func() {
		if h.up && h.life == life {
			do(h)
		}
	}})
}

// run lets the world go on until done says so, or for at most limit.
func (w *world) run(limit time.Duration, done func() bool) bool {
	end := w.now.Add(limit)
	for steps := 0; ; steps++ {
		if steps > 2_000_000 {
			w.t.Fatal("the world spins")
		}
		for _, n := range w.names {
			if w.hosts[n].up {
				w.obey(n)
			}
		}
		if done() {
			return true
		}
		next := end
		for _, e := range w.events {
			if e.at.Before(next) {
				next = e.at
			}
		}
		for _, n := range w.names {
			if h := w.hosts[n]; h.up {
				if t := h.core.Deadline(); !t.IsZero() && t.Before(next) {
					next = t
				}
			}
		}
		if !next.Before(end) {
			w.now = end
			return false
		}
		if next.After(w.now) {
			w.now = next
		}
		w.happen()
	}
}

// happen lets everything happen that is due.
func (w *world) happen() {
	due := w.events
	w.events = nil
	slices.SortStableFunc(due, func(a, b event) int { return a.at.Compare(b.at) })
	for i, e := range due {
		if e.at.After(w.now) {
			w.events = append(due[i:], w.events...)
			break
		}
		e.do()
	}
	for _, n := range w.names {
		if h := w.hosts[n]; h.up {
			if t := h.core.Deadline(); !t.IsZero() && !t.After(w.now) {
				h.core.Advance(w.now)
			}
		}
	}
}

const (
	lan = time.Millisecond
	wan = 30 * time.Millisecond
)

func (w *world) distance(a, b string) time.Duration {
	if w.hosts[a].id.Location == w.hosts[b].id.Location {
		return lan
	}
	return wan
}

// to sends something to a connected peer.
func (w *world) to(from, peer string, do func(c *Core)) {
	name := w.name(peer)
	if !w.hosts[from].links[name] {
		return
	}
	w.after(w.distance(from, name), name, func(h *host) {
		if h.links[from] {
			do(h.core)
		}
	})
}

// obey carries out what the core of a host wants.
func (w *world) obey(name string) {
	h := w.hosts[name]
	for {
		a, ok := h.core.Take(w.now)
		if !ok {
			return
		}
		self := h.id.Peer
		switch a := a.(type) {
		case Dial:
			w.dial(name, w.name(a.Peer))
		case Hangup:
			w.hangup(name, w.name(a.Peer))
		case Record:
			if a.Value == nil {
				delete(h.records, a.Key)
			} else {
				h.records[a.Key] = a.Value
			}
		case Follow:
			w.to(name, a.Peer, func(c *Core) { c.Interested(w.now, self, a.Content, a.On) })
		case Announce:
			w.checkAnnounced(h, a.Have)
			w.to(name, a.Peer, func(c *Core) { c.PeerHas(w.now, self, a.Have) })
		case Stand:
			w.to(name, a.Peer, func(c *Core) { c.PeerStands(w.now, self, a.Stand) })
		case Claim:
			w.to(name, a.Peer, func(c *Core) { c.PeerClaims(w.now, self, a.Claim) })
		case Fetch:
			w.to(name, a.Peer, func(c *Core) {
				s := Serve{Peer: self, Request: uint32(a.Fetch), Kind: a.Kind, ID: a.ID, Size: a.Size}
				w.open(w.name(a.Peer), s, a.Fetch)
				c.Requested(w.now, s, a.Priority)
			})
		case Serve:
			w.serve(name, a)
		case Decline:
			f := w.fetchOf(name, a.Peer, a.Request)
			w.to(name, a.Peer, func(c *Core) { c.Refused(w.now, self, f, a.Reason) })
		case Ask:
			w.to(name, a.Peer, func(c *Core) {
				w.open(w.name(a.Peer), Serve{Peer: self, Request: uint32(a.Fetch)}, a.Fetch)
				c.Finding(self, uint32(a.Fetch), a.Name)
			})
		case Tell:
			f := w.fetchOf(name, a.Peer, a.Request)
			w.to(name, a.Peer, func(c *Core) { c.Named(w.now, self, f, a.ID) })
		case Store:
			h.waiting = append(h.waiting, a)
			w.after(5*time.Millisecond, name, func(h *host) { w.write(h) })
		case Evict:
			w.evict(name, a)
		case Compare:
			w.compare(name, a)
		case Sync:
			w.sync(name, a)
		case Resolve:
			w.resolve(name, a)
		case Hand:
			w.hand(name, a)
		case Reply:
			w.reply(name, a)
		case Export:
			w.export(name, a)
		case Cancel:
		}
	}
}

// opened remembers which fetch a request on the wire stands for.
var opened = map[string]uint64{}

func (w *world) open(server string, s Serve, fetch uint64) {
	opened[fmt.Sprintf("%p %s %s %d", w, server, s.Peer, s.Request)] = fetch
}

func (w *world) fetchOf(server, peer string, request uint32) uint64 {
	return opened[fmt.Sprintf("%p %s %s %d", w, server, peer, request)]
}

// checkAnnounced holds that nothing is announced before it is on disk.
func (w *world) checkAnnounced(h *host, have transfer.Have) {
	x := h.core.holdings[have.Content]
	for _, r := range have.Held {
		for i := r.First; i < r.First+r.Count; i++ {
			if h.chunks[x.chunks[i].ID] == nil {
				w.t.Fatalf("%s announces chunk %d, which is not on its disk", h.id.Peer, i)
			}
		}
	}
}

func (w *world) dial(from, to string) {
	a, b := w.hosts[from], w.hosts[to]
	w.after(w.distance(from, to), from, func(*host) {
		deaf := !b.up || w.walls[from+to]
		switch {
		case deaf && a.links[to]:
			a.core.PeerNotReached(w.now, b.id.Peer)
		case deaf:
			a.core.PeerDown(w.now, b.id.Peer)
		case !a.links[to] || !b.links[from]:
			a.links[to], b.links[from] = true, true
			a.core.PeerUp(w.now, b.id)
			b.core.PeerUp(w.now, a.id)
		}
	})
}

func (w *world) serve(name string, s Serve) {
	h := w.hosts[name]
	f, self := w.fetchOf(name, s.Peer, s.Request), h.id.Peer
	w.after(time.Millisecond, name, func(h *host) {
		h.core.Released(s.Peer, s.Request)
		if s.Kind == transfer.KindManifest {
			raw := h.records[ManifestKey(s.ID)]
			w.to(name, s.Peer, func(c *Core) { c.ManifestArrived(w.now, f, raw) })
			return
		}
		data := h.chunks[s.ID]
		if data == nil {
			w.t.Fatalf("%s serves a chunk it does not have", name)
		}
		if w.bad[name] {
			data = []byte("wrong")
		}
		to := w.hosts[w.name(s.Peer)]
		w.to(name, s.Peer, func(c *Core) {
			to.received += len(data)
			c.Arrived(w.now, Arrival{Peer: self, Fetch: f, ID: s.ID, Data: data, Good: content.Sum(data) == s.ID})
		})
	})
}

// write stores what waits, unless the disk is full.
func (w *world) write(h *host) {
	if h.full {
		if len(h.waiting) > 0 {
			if h.asked == 0 {
				h.asked = h.core.sched.Flows(w.now)[0].InFlight
			}
			h.core.StoreFailed(w.now, true)
		}
		return
	}
	for i, s := range h.waiting {
		if h.total > 0 && h.free()-int64(len(s.Data)) < h.core.Floor() {
			h.waiting = h.waiting[i:]
			h.core.StoreFailed(w.now, true)
			w.after(500*time.Millisecond, w.name(h.id.Peer), func(h *host) { h.core.StoreReady(w.now); w.write(h) })
			return
		}
		h.chunks[s.ID] = s.Data
		h.least = min(h.least, h.free())
		h.core.Stored(w.now, s.ID)
	}
	h.waiting = nil
}

func (w *world) sync(name string, a Sync) {
	h := w.hosts[name]
	if a.Through != "" {
		w.writeLetter(name, a)
		return
	}
	w.after(wan, name, func(*host) {
		w.post.asked++
		if w.hubDown {
			h.core.SyncFailed(w.now, scheduler.HubUnreachable, "the hub does not answer")
			return
		}
		if w.outcast {
			h.core.SyncFailed(w.now, scheduler.HubRefuses, "the certificate has expired")
			h.core.Misheard()
			return
		}
		w.post.said = append(w.post.said, a.Request)
		h.core.Synced(w.now, w.hear(name, a.Request))
	})
}

// hear is the hub's answer to a report.
func (w *world) hear(name string, r fleet.SyncRequest) fleet.SyncReply {
	h := w.hosts[name]
	w.post.heard(w.now, name)
	w.news++
	r.Lan = w.addr(name)
	reply := w.dir.Answer(w.now, h.id, r, w.dir.Announced(w.now, h.id, r))
	for i := range reply.Peers {
		reply.Peers[i].Wan = reply.Peers[i].Lan
	}
	reply.Relay, reply.Every = w.post.taken, w.pace
	return reply
}

func (w *world) compare(name string, a Compare) {
	h := w.hosts[name]
	w.asks++
	w.after(wan, name, func(*host) {
		if w.hubDown {
			h.core.NotCompared(w.now)
			return
		}
		h.core.Compared(w.now, a.Request, w.copies.Told(w.now, h.id, a.Request, func(content.ID) bool { return true }))
	})
}

func (w *world) resolve(name string, a Resolve) {
	h := w.hosts[name]
	w.after(wan, name, func(*host) {
		raw, ok := w.catalog[a.Ref]
		switch {
		case w.hubDown:
			h.core.Unresolved(w.now, a.Ref, scheduler.HubUnreachable, "the hub does not answer")
		case w.outcast:
			h.core.Unresolved(w.now, a.Ref, scheduler.HubRefuses, "the certificate has expired")
		case !ok:
			h.core.Unresolved(w.now, a.Ref, scheduler.None, "never published")
		default:
			h.core.Resolved(w.now, a.Ref, raw)
		}
	})
}

func (w *world) export(name string, a Export) {
	w.after(10*time.Millisecond, name, func(h *host) {
		for _, c := range a.Manifest.Chunks {
			if h.chunks[c.ID] == nil {
				h.core.Damaged(w.now, c.ID)
				h.core.Exported(w.now, a.Flow, api.CodeIntegrity, "a chunk is gone")
				return
			}
		}
		h.wrote = append(h.wrote, a.Out)
		h.core.Exported(w.now, a.Flow, "", "")
	})
}
