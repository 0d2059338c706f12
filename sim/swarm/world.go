// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// Config describes a world and what befalls it. Size is required; the other zero fields take the values of Default.
type Config struct {
	Seed      uint64
	Locations int   // with Hosts hosts each
	Hosts     int   // of a location
	Size      int64 // bytes of the content
	Chunk     int64 // bytes of a chunk

	LAN, WAN float64       // bits per second of a host's link, and of a location's, each way
	LANDelay time.Duration // one way
	WANDelay time.Duration // one way
	Within   time.Duration // all hosts start to fetch within this time
	Limit    time.Duration // what is not complete then is not

	KillEvery    time.Duration // a fetcher of the first location is killed this often; 0: never
	DownFor      time.Duration // and comes back after this
	PartitionAt  time.Duration // when the first location's LAN is divided in two ...
	PartitionFor time.Duration // ... and for how long; 0: never
	HubAwayAt    time.Duration // when nobody reaches the hub ...
	HubAwayFor   time.Duration // ... and for how long; 0: never

	Over func() // called when all is over, while the hosts are still in memory; nil: nobody looks at them
}

// Default is a location of 200 hosts with 1 Gbit/s each behind 10 Mbit/s, which start within a second to fetch 1 GiB in
// chunks of 1 MiB.
func Default() Config {
	return Config{Seed: 1, Locations: 1, Hosts: 200, Size: 1 << 30, Chunk: 1 << 20, LAN: 1e9, WAN: 10e6, LANDelay: time.Millisecond,
		WANDelay: 20 * time.Millisecond, Within: time.Second, Limit: 6 * time.Hour, DownFor: 20 * time.Second,
		PartitionAt: time.Minute, HubAwayAt: time.Minute}
}

// ErrConfig says that a Config describes no world.
var ErrConfig = errors.New("no such world")

func (c Config) filled() (Config, error) {
	d := Default()
	c.Locations, c.Hosts = cmp.Or(c.Locations, d.Locations), cmp.Or(c.Hosts, d.Hosts)
	c.Chunk, c.LAN, c.WAN = cmp.Or(c.Chunk, d.Chunk), cmp.Or(c.LAN, d.LAN), cmp.Or(c.WAN, d.WAN)
	c.LANDelay, c.WANDelay = cmp.Or(c.LANDelay, d.LANDelay), cmp.Or(c.WANDelay, d.WANDelay)
	c.Within, c.Limit, c.DownFor = cmp.Or(c.Within, d.Within), cmp.Or(c.Limit, d.Limit), cmp.Or(c.DownFor, d.DownFor)
	c.PartitionAt, c.HubAwayAt = cmp.Or(c.PartitionAt, d.PartitionAt), cmp.Or(c.HubAwayAt, d.HubAwayAt)
	switch {
	case c.Size < 1 || c.Chunk < content.MinChunk || c.Chunk > content.MaxChunk:
		return c, fmt.Errorf("%w: %d bytes in chunks of %d; chunks have %d to %d bytes", ErrConfig, c.Size, c.Chunk, content.MinChunk, content.MaxChunk)
	case c.Locations < 1 || c.Hosts < 1 || c.Locations*c.Hosts > 20000:
		return c, fmt.Errorf("%w: %d locations of %d hosts; 1 to 20000 hosts are possible", ErrConfig, c.Locations, c.Hosts)
	case c.LAN <= 0 || c.WAN <= 0 || c.KillEvery < 0 || c.PartitionFor < 0 || c.HubAwayFor < 0:
		return c, fmt.Errorf("%w: rates are positive, and times not negative", ErrConfig)
	}
	return c, nil
}

// warmUp is how long the hosts are there, and known to the hub, before the first fetches.
const warmUp = 15 * time.Second

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// world is what the package comment says.
type world struct {
	c      Config
	rnd    *rand.Rand
	now    tick
	agenda *agenda
	fluid  fluid

	hub       *host
	hosts     []*host
	byName    map[string]*host
	locations []*location
	directory *fleet.Directory
	publisher ed25519.PrivateKey
	manifest  *content.Manifest
	signed    []byte
	index     map[content.ID]int // of chunks
	dirty     []*host            // something has happened to them at this tick

	start    tick
	divided  bool
	hubAway  bool
	waiting  []letter
	finished int
	control  Traffic
	curve    []Sample
}

// Traffic is bytes of messages that are not chunks, headers included, on the LANs and across WAN links.
type Traffic struct {
	LAN, WAN int64
}

type location struct {
	name     string
	down, up *pipe
	hosts    []*host
}

// letter is a message that waits for the end of a cut.
type letter struct {
	from, to *host
	do       func()
}

func (w *world) time() time.Time { return epoch.Add(w.now.duration()) }

// at is what a host's clock says.
func (w *world) at(h *host) time.Time { return w.time().Add(h.skew) }

func newWorld(c Config) *world {
	seed := sha256.Sum256([]byte("publisher"))
	w := &world{c: c, rnd: rand.New(rand.NewPCG(c.Seed, 0x737761726d)), agenda: newAgenda(), byName: map[string]*host{},
		publisher: ed25519.NewKeyFromSeed(seed[:]), index: map[content.ID]int{}}
	w.publish()
	centre := &location{name: "hub", down: &pipe{capacity: 1e12}, up: &pipe{capacity: 1e12}}
	w.hub = w.add(centre, fleet.RoleHub, 0)
	w.directory = fleet.NewDirectory(fleet.Member{Peer: w.hub.id.Peer, Role: fleet.RoleHub, Location: "hub", Lan: w.hub.addr, Wan: w.hub.addr})
	for i := range c.Locations {
		l := &location{name: fmt.Sprintf("location-%d", i+1), down: &pipe{capacity: c.WAN / 8}, up: &pipe{capacity: c.WAN / 8}}
		w.locations = append(w.locations, l)
		for k := range c.Hosts {
			w.add(l, fleet.RoleAgent, k)
		}
	}
	for i := range w.hub.holds {
		w.hub.holds[i] = true
	}
	w.hub.held = len(w.hub.holds)
	w.boot(w.hub)
	if _, err := w.hub.core.Published(w.at(w.hub), w.signed); err != nil {
		panic(err) // it was signed a moment ago
	}
	for _, h := range w.hosts {
		w.boot(h)
	}
	return w
}

// publish makes the manifest. Chunks are never looked into, so that their ids may be those of their numbers.
func (w *world) publish() {
	m := &content.Manifest{Name: "image", Version: "1", Type: "image", Created: epoch,
		Entries: []content.Entry{{Path: "image", Kind: content.File, Mode: 0o644, Size: w.c.Size}}}
	for left := w.c.Size; left > 0; left -= w.c.Chunk {
		id := content.Sum(fmt.Appendf(nil, "%d/%d", w.c.Seed, len(m.Chunks)))
		w.index[id] = len(m.Chunks)
		m.Chunks = append(m.Chunks, content.Chunk{ID: id, Size: uint32(min(left, w.c.Chunk))})
	}
	signed, err := content.Sign(m, w.publisher)
	if err != nil {
		panic(fmt.Sprintf("swarm: the manifest is not valid: %v", err))
	}
	w.manifest, w.signed = m, signed.Encode()
}

// run lets the world go on until every host has the content, or the limit.
func (w *world) run() {
	w.start = ticks(warmUp)
	for _, h := range w.hosts {
		w.agenda.plan(w.start+tick(w.rnd.Int64N(int64(ticks(w.c.Within)))), func() {
			h.core.Get(w.at(h), api.Get{Ref: w.manifest.Name})
			w.touch(h)
		})
	}
	w.agenda.plan(w.start, w.sample)
	w.trouble()
	for end := w.start + ticks(w.c.Limit); w.finished < len(w.hosts); {
		at, ok := w.agenda.next()
		if !ok || at > end {
			return
		}
		w.now = at
		for _, do := range w.agenda.take() {
			do()
		}
		for len(w.dirty) > 0 {
			list := w.dirty
			w.dirty = nil
			for _, h := range list {
				h.dirty = false
				w.obey(h)
			}
		}
		w.fluid.settle(w.move, w.foresee)
	}
}

// touch lets a host look, at the end of this tick, at what has happened.
func (w *world) touch(h *host) {
	if !h.dirty && h.up {
		h.dirty = true
		w.dirty = append(w.dirty, h)
	}
}

// apart reports whether nothing gets from one host to the other now.
func (w *world) apart(a, b *host) bool {
	return w.hubAway && (a == w.hub || b == w.hub) || w.divided && a.location == b.location && a.side != b.side
}

func (w *world) delay(a, b *host) tick {
	if a.location == b.location {
		return ticks(w.c.LANDelay)
	}
	return ticks(w.c.WANDelay)
}

// frame is what a message takes besides itself: headers down to IP, and the seal.
const frame = 90

// send lets something happen at a connected host after the latency of the way. Size is the bytes of the message.
func (w *world) send(from, to *host, size int, do func()) {
	if !from.links[to] {
		return
	}
	if from.location == to.location {
		w.control.LAN += int64(size + frame)
	} else {
		w.control.WAN += int64(size + frame)
	}
	if w.apart(from, to) {
		w.waiting = append(w.waiting, letter{from, to, do})
		return
	}
	w.deliver(letter{from, to, do})
}

func (w *world) deliver(l letter) {
	life, sender := l.to.life, l.from.life
	w.agenda.plan(w.now+w.delay(l.from, l.to), func() {
		if l.to.up && l.to.life == life && l.from.life == sender && l.to.links[l.from] {
			l.do()
			w.touch(l.to)
		}
	})
}
