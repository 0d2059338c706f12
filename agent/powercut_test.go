// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer"
)

// powered is a core with a store on a disk whose power can be cut. Before each call that writes to the disk a copy is made as a
// cut in that moment would leave it; store and core are started on the copy, and whatever the core has told anybody must be there.
type powered struct {
	t     *testing.T
	rng   *rand.Rand
	seed  uint64
	early bool // a bug: what is stored is said before it is written

	signed *content.Signed
	data   map[content.ID][]byte
	key    ed25519.PrivateKey

	disk    *vfs.MemFS
	store   *store.Store
	core    *Core
	now     time.Time
	waiting []func()

	mu     sync.Mutex // the store has goroutines of its own; it guards now, too
	power  *rand.Rand // of the cuts
	told   told
	opened bool
	cuts   int // to go
	done   int
	found  error
	heir   *vfs.MemFS // the copy to go on from
	knew   told
}

// told is what others were told: chunks announced, and flows taken on.
type told struct {
	chunks []content.ID
	flows  []string
}

func newPowered(t *testing.T, seed uint64, cuts int) *powered {
	sum := sha256.Sum256([]byte("publisher"))
	p := &powered{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 11)), power: rand.New(rand.NewPCG(seed, 12)), key: ed25519.NewKeyFromSeed(sum[:]), data: map[content.ID][]byte{}, cuts: cuts,
		disk: vfs.NewCrashableMem(), now: epoch}
	m := &content.Manifest{Name: "image", Version: "1", Type: "test", Created: epoch}
	for i := range 40 {
		b := bytes.Repeat([]byte(fmt.Sprintf("%d %d ", seed, i)), 500) // chunks need not be large for a scheduler
		c := content.Chunk{ID: content.Sum(b), Size: uint32(len(b))}
		m.Chunks = append(m.Chunks, c)
		p.data[c.ID] = b
	}
	var size int64
	for _, c := range m.Chunks {
		size += int64(c.Size)
	}
	m.Entries = []content.Entry{{Path: "image", Kind: content.File, Mode: 0o644, Size: size}}
	var err error
	if p.signed, err = content.Sign(m, p.key); err != nil {
		t.Fatal(err)
	}
	return p
}

// MaybeError is called before every call to the disk.
func (p *powered) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == 0 || p.found != nil || !p.opened && p.power.IntN(20) > 0 { // opening takes many calls, and is not what is looked at
		return nil
	}
	p.cuts--
	p.done++
	c := vfs.CrashCloneCfg{UnsyncedDataPercent: p.power.IntN(5) * 25, RNG: p.power}
	if p.power.IntN(40) == 0 {
		p.heir, p.knew = p.disk.CrashClone(c), told{slices.Clone(p.told.chunks), slices.Clone(p.told.flows)}
	}
	if err := p.check(p.disk.CrashClone(c)); err != nil {
		p.found = fmt.Errorf("power cut before call %v of %s, %d%% of the unsynced kept: %w", op.Kind, op.Path, c.UnsyncedDataPercent, err)
	}
	return nil
}

func (p *powered) String() string { return "power cut" }

// open starts store and core on a disk.
func (p *powered) open(disk vfs.FS) (*store.Store, *Core, error) {
	st, err := store.Open("state", store.Options{FS: disk})
	if err != nil {
		return nil, nil, err
	}
	records := map[string][]byte{}
	if err := st.Scan(KeyPrefix, func(key string, value []byte) bool { records[key] = slices.Clone(value); return true }); err != nil {
		return nil, nil, err
	}
	core := New(p.now, Config{Self: neighbour("aa"), Publishers: []ed25519.PublicKey{p.key.Public().(ed25519.PublicKey)}, Seed: p.seed, Held: st.Has})
	if problems := core.Restore(p.now, records); len(problems) > 0 {
		return nil, nil, problems[0]
	}
	return st, core, nil
}

// check starts anew on a copy and compares.
func (p *powered) check(disk *vfs.MemFS) error {
	st, core, err := p.open(disk)
	if err != nil {
		return err
	}
	defer st.Close()
	for _, id := range p.told.flows {
		if _, ok := core.Flow(p.now, id); !ok {
			return fmt.Errorf("the flow %s is forgotten", id)
		}
	}
	h := core.holdings[p.signed.ID()]
	for _, id := range p.told.chunks {
		if h == nil {
			return fmt.Errorf("the manifest of what was announced is forgotten")
		}
		i, ok := h.index(id)
		if !ok || !h.have[i] {
			return fmt.Errorf("chunk %s was announced and is not held", id.Short())
		}
		if b, err := st.Get(id, nil); err != nil || !bytes.Equal(b, p.data[id]) {
			return fmt.Errorf("chunk %s was announced and is not whole: %w", id.Short(), err)
		}
	}
	return nil
}

// live runs one life, until the content is there or the power is cut. It reports whether it is.
func (p *powered) live() (complete bool) {
	var err error
	if p.store, p.core, err = p.open(errorfs.Wrap(p.disk, p)); err != nil {
		p.t.Fatal(err)
	}
	p.isOpen(true)
	defer func() {
		p.isOpen(false)
		_ = p.store.Close() // of a disk whose power was cut
	}()
	p.waiting = nil
	origin := fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleHub, Location: "hq", Peer: "00000000000000fe"}
	follower := fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "elsewhere", Peer: "00000000000000cc"}
	p.core.PeerUp(p.now, origin)
	p.core.PeerUp(p.now, follower)
	if len(p.core.order) == 0 {
		id := p.core.Get(p.now, api.Get{Ref: "image"})
		p.obey()
		p.mu.Lock()
		p.told.flows = append(p.told.flows, id) // the user has been answered
		p.mu.Unlock()
	}
	p.core.Interested(p.now, follower.Peer, p.signed.ID(), true)
	for range 100_000 {
		p.obey()
		if p.isCut() {
			return false
		}
		if h := p.core.holdings[p.signed.ID()]; h != nil && h.complete() {
			return true
		}
		if n := len(p.waiting); n > 0 {
			i := p.rng.IntN(n)
			do := p.waiting[i]
			p.waiting = slices.Delete(p.waiting, i, i+1)
			do()
			continue
		}
		if at := p.core.Deadline(); at.After(p.now) {
			p.mu.Lock()
			p.now = at
			p.mu.Unlock()
		}
		p.core.Advance(p.now)
	}
	p.t.Fatalf("it gets nowhere: %v", p.core)
	return false
}

func (p *powered) isOpen(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened = yes
}

func (p *powered) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heir != nil || p.found != nil
}

// obey carries out what the core wants, as the daemon does: records are durable before what follows them is done.
func (p *powered) obey() {
	var records []store.Record
	for {
		a, ok := p.core.Take(p.now)
		if r, is := a.(Record); ok && is {
			records = append(records, store.Record{Key: r.Key, Value: r.Value})
			continue
		}
		if len(records) > 0 {
			if err := p.store.Record(records...); err != nil {
				p.t.Fatal(err)
			}
			records = nil
		}
		if !ok {
			return
		}
		p.carryOut(a)
	}
}

func (p *powered) carryOut(a Action) {
	switch a := a.(type) {
	case Resolve:
		p.waiting = append(p.waiting, func() { p.core.Resolved(p.now, a.Ref, p.signed.Encode()) })
	case Sync:
		p.core.SyncFailed(p.now, scheduler.HubUnreachable, "not asked here")
	case Follow:
		if a.Peer == "00000000000000fe" && a.On {
			all := []transfer.Run{{First: 0, Count: a.Chunks}}
			p.core.PeerHas(p.now, a.Peer, transfer.Have{Content: a.Content, Total: a.Chunks, Count: a.Chunks, Held: all})
		}
	case Fetch:
		p.mu.Lock()
		again := slices.Contains(p.told.chunks, a.ID)
		p.mu.Unlock()
		if again {
			p.t.Errorf("chunk %s was announced and is fetched again", a.ID.Short())
		}
		p.waiting = append(p.waiting, func() {
			p.core.Arrived(p.now, Arrival{Peer: a.Peer, Fetch: a.Fetch, ID: a.ID, Data: p.data[a.ID], Good: true, Content: a.Content})
		})
	case Store:
		p.waiting = append(p.waiting, func() {
			if p.early {
				p.core.Stored(p.now, a.ID)
				p.obey()
			}
			if err := p.store.Put(store.Blob{ID: a.ID, Data: a.Data}); err != nil {
				p.t.Fatal(err)
			}
			p.core.Stored(p.now, a.ID)
		})
	case Announce:
		p.mu.Lock()
		defer p.mu.Unlock()
		h := p.core.holdings[a.Have.Content]
		for _, r := range a.Have.Held {
			for i := r.First; i < r.First+r.Count; i++ {
				if id := h.chunks[i].ID; !slices.Contains(p.told.chunks, id) {
					p.told.chunks = append(p.told.chunks, id)
				}
			}
		}
	}
}

// lives goes through lives until the content is there, each of which but the last ends with a power cut. The error says what was lost.
func (p *powered) lives() (lives int, err error) {
	for lives = 1; !p.live(); lives++ {
		if p.found != nil {
			return lives, p.found
		}
		p.disk, p.told, p.heir = p.heir, p.knew, nil
	}
	return lives, p.found
}

// Whatever moment the power is cut in: what was announced is there, and is not fetched again; and a flow that was taken on goes on.
func TestWhatWasAnnouncedSurvivesAPowerCut(t *testing.T) {
	cuts, lives, seeds := 0, 0, 8
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		p := newPowered(t, seed, 150)
		n, err := p.lives()
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		cuts, lives = cuts+p.done, lives+n
	}
	t.Logf("%d power cuts, %d lives", cuts, lives)
	if cuts < 125*seeds || lives < 2*seeds {
		t.Error("there were too few")
	}
}

// The harness finds a core that speaks too soon.
func TestPowerCutsFindWhatIsSaidTooSoon(t *testing.T) {
	p := newPowered(t, 1, 150)
	p.early = true
	if _, err := p.lives(); err == nil {
		t.Error("chunks are announced before they are written, and no power cut found it")
	}
}
