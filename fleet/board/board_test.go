// SPDX-License-Identifier: Apache-2.0

package board

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/fleet/topology"
)

var (
	morning = time.Date(2030, 1, 7, 8, 0, 0, 0, time.UTC)
	image   = content.Sum([]byte("image"))
)

// story is a fleet whose hosts report, with the hub's other knowledge beside.
type story struct {
	*testing.T
	now   time.Time
	board *Board
	world World
}

func begin(t *testing.T) *story {
	return &story{T: t, now: morning, board: New(), world: World{Directory: fleet.NewDirectory(fleet.Member{}), Totals: ledger.NewTotals(),
		Topology: &topology.Topology{Locations: []topology.Location{{Name: "berlin", Region: "north", Down: 20e6}, {Name: "cork", Region: "west"}}},
		Contents: map[content.ID]Content{image: {ID: image, Name: "image", Type: "os", Size: 100, Distinct: 100, Chunks: 4, Current: true}}}}
}

func member(location, peer string) fleet.Identity {
	return fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleAgent, Location: location, Peer: peer}
}

func (s *story) reports(location, peer string, p *pulse.Pulse, held ...fleet.Holding) {
	r := fleet.SyncRequest{Pulse: p, Holdings: held, Instance: peer}
	s.world.Directory.Announced(s.now, member(location, peer), r)
	s.board.Heard(s.now, member(location, peer), r)
}

func (s *story) receives(location, peer string, class ledger.Class, bytes int64) {
	e := ledger.Entry{Key: ledger.Key{Content: image, From: "hub", To: location, Class: class}, Counts: ledger.Counts{Received: bytes, Verified: bytes}}
	s.world.Totals.Reported(ledger.Counts{}, e)
	s.board.Moved(s.now, peer, map[ledger.Class]int64{class: bytes})
}

func (s *story) location(name string) Location {
	s.Helper()
	for _, l := range s.board.Census(s.now, s.world).Locations {
		if l.Name == name {
			return l
		}
	}
	s.Fatalf("no location %s", name)
	return Location{}
}

func fetching(have, rate int64, reason string) *pulse.Pulse {
	return &pulse.Pulse{Flows: []pulse.Flow{{ID: "f1", Content: image, State: "fetching", Reason: reason, Have: have, Size: 100, Rate: rate}}}
}

func TestTheCensusTellsWhoFetchesAndWhoWaits(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", fetching(40, 8000, "fetching"), fleet.Holding{Content: image, Chunks: 2})
	s.reports("berlin", "b", fetching(0, 0, "left-to-neighbour"))
	s.reports("oslo", "c", &pulse.Pulse{Refuses: "battery"}, fleet.Holding{Content: image, Chunks: 4, Complete: true})
	s.receives("berlin", "a", ledger.Origin, 40)
	c := s.board.Census(s.now, s.world)
	o := c.Overview
	if o.Locations != 3 || o.Moving != 1 || o.Hosts != (Hosts{Online: 3, Fetching: 2, Refusing: 1}) {
		t.Errorf("the overview counts %+v in %d locations, %d moving", o.Hosts, o.Locations, o.Moving)
	}
	if o.Flows.Fetching != 1 || o.Flows.Waiting != 1 || o.Flows.Open() != 2 {
		t.Errorf("flows are %+v", o.Flows)
	}
	if len(o.Waiting) != 1 || o.Waiting[0].Reason != "left-to-neighbour" || o.Waiting[0].Flows != 1 || strings.Join(o.Waiting[0].Locations, " ") != "berlin" {
		t.Errorf("what waits is %+v", o.Waiting)
	}
	berlin := s.location("berlin")
	if berlin.Region != "north" || berlin.Down != 20e6 || berlin.Progress != (Progress{40, 200}) || berlin.Bytes.Origin != 40 || berlin.Reason != "left-to-neighbour" {
		t.Errorf("berlin is %+v", berlin)
	}
	if x := c.Contents[0]; x.Whole != 1 || x.Part != 1 || x.Flows.Open() != 2 || x.Rate != 8000 {
		t.Errorf("the content is %+v", x)
	}
	if x := c.Types[0]; x.Type != "os" || x.Contents != 1 || x.Whole != 1 || x.Bytes.Origin != 40 {
		t.Errorf("its type is %+v", x)
	}
}

func TestPagesTellOfOneThing(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", fetching(40, 8000, "fetching"), fleet.Holding{Content: image, Chunks: 2})
	s.reports("berlin", "b", &pulse.Pulse{}, fleet.Holding{Content: image, Chunks: 4, Complete: true})
	s.receives("berlin", "a", ledger.LAN, 40)
	c := s.board.Census(s.now, s.world)
	l, ok := s.board.Location(s.world, c, "berlin")
	if !ok || len(l.Peers) != 2 || l.Peers[0].Peer != "a" || len(l.Contents) != 1 || l.Contents[0].Whole != 1 || l.Contents[0].Part != 1 || l.Contents[0].Bytes.LAN != 40 {
		t.Errorf("berlin's page is %+v", l)
	}
	x, ok := s.board.Content(s.world, c, "image")
	if !ok || x.ID != image || len(x.Shares) != 1 || x.Shares[0].Location != "berlin" || x.Shares[0].Progress.Have != 40 {
		t.Errorf("the content's page is %+v", x)
	}
	p, ok := s.board.Peer(s.now, s.world, "a")
	if !ok || len(p.Open) != 1 || p.Open[0].Name != "image" || p.Open[0].State != "fetching" || len(p.Holds) != 1 || p.Holds[0].Of != 4 {
		t.Errorf("the host's page is %+v", p)
	}
	for _, missing := range []bool{ok2(s.board.Location(s.world, c, "rome")), ok2(s.board.Content(s.world, c, "rome")), ok2(s.board.Peer(s.now, s.world, "rome"))} {
		if missing {
			t.Error("there is a page of nothing")
		}
	}
}

func ok2[T any](_ T, ok bool) bool { return ok }

// What a host does not say again is as before; what it says with a whole report is all there is.
func TestAPulseStandsUntilAnother(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", fetching(1, 8, "fetching"))
	s.board.Heard(s.now, member("berlin", "a"), fleet.SyncRequest{Partial: true})
	if s.location("berlin").Flows.Fetching != 1 {
		t.Error("a host that said nothing new is taken for idle")
	}
	s.board.Heard(s.now, member("berlin", "a"), fleet.SyncRequest{})
	if s.location("berlin").Flows.Open() != 0 {
		t.Error("a host that said everything anew still fetches")
	}
}

func TestAHostMovesAndFallsSilent(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", fetching(1, 8, "fetching"))
	s.reports("oslo", "a", fetching(1, 8, "fetching"))
	if b, o := s.location("berlin").Hosts, s.location("oslo").Hosts; b.Total() != 0 || o.Online != 1 {
		t.Errorf("after the move berlin has %+v and oslo %+v", b, o)
	}
	s.now = s.now.Add(fleet.SilentAfter + time.Second)
	s.board.Forget(s.now)
	if o := s.location("oslo"); o.Hosts != (Hosts{Silent: 1}) || o.Flows.Open() != 0 {
		t.Errorf("a silent host counts as %+v with %+v", o.Hosts, o.Flows)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.board.Forget(s.now)
	if n := len(s.board.hosts) + len(s.board.places); n != 0 {
		t.Errorf("%d hosts and places are remembered", n)
	}
}

// Bytes are spread over the time since the news before: two hosts that report at different times draw one flat line.
func TestATraceIsTheTruthSmoothly(t *testing.T) {
	s := begin(t)
	for range 60 {
		s.now = s.now.Add(time.Second)
		peer := []string{"a", "b"}[s.now.Unix()%2]
		s.reports("berlin", peer, fetching(1, 8, "fetching"))
		s.receives("berlin", peer, ledger.WAN, 2000) // 1000 B/s each
		s.board.Measured(s.now, "hub", []pulse.Way{{To: "berlin", Queue: 7}})
	}
	h := s.board.History(s.now, "berlin")
	if len(h.Times) != len(h.WAN) || len(h.Times) != len(h.Queue) || len(h.Times) < 250 {
		t.Fatalf("columns of %d, %d, %d", len(h.Times), len(h.WAN), len(h.Queue))
	}
	last := len(h.WAN) - 1
	for i := last - 20; i <= last; i++ {
		if math.Abs(h.WAN[i]-16000) > 1 || h.LAN[i] != 0 || h.Queue[i] == nil || *h.Queue[i] != 7 {
			t.Errorf("%d s: %v bit/s, queue %v", h.Times[i], h.WAN[i], h.Queue[i])
		}
	}
	if ago := s.now.Unix() - h.Times[last]; ago > 8 {
		t.Errorf("the trace ends %d s ago", ago)
	}
	if l := s.location("berlin"); math.Abs(l.Now.WAN-16000) > 1 || *l.Now.Queue != 7 {
		t.Errorf("now is %+v", l.Now)
	}
	if most := s.board.Fastest(s.now, "berlin"); most < 15999 || most > 1.2*16000 { // of the first news nobody knows since when they came
		t.Errorf("at most %v bit/s came", most)
	}
	if none := s.board.Fastest(s.now, "oslo"); none != 0 {
		t.Errorf("%v bit/s came where nobody is", none)
	}
	if old := h.Queue[0]; old != nil {
		t.Errorf("there is a queue of %v before anything was sent", *old)
	}
}

// After ten minutes nothing of a trace is left, and no byte is ever drawn twice.
func TestATraceForgets(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", nil)
	s.receives("berlin", "a", ledger.LAN, 1000)
	for range 80 {
		s.now = s.now.Add(10 * time.Second)
		s.reports("berlin", "a", nil)
		s.board.Forget(s.now)
	}
	for i, v := range s.board.History(s.now, "berlin").LAN {
		if v != 0 {
			t.Errorf("step %d still has %v", i, v)
		}
	}
	if s.board.places["berlin"].trace != nil {
		t.Error("an empty trace is kept")
	}
}

func TestManyHostsReportLessOften(t *testing.T) {
	for hosts, want := range map[int]time.Duration{0: 2, 200: 2, 500: 5, 5000: 10} {
		b := New()
		for i := range hosts {
			b.Heard(morning, member("berlin", fmt.Sprint(i)), fleet.SyncRequest{Pulse: fetching(0, 1, "fetching")})
		}
		if got := b.Pace(); got != want*time.Second {
			t.Errorf("%d hosts that fetch report every %v, want %d s", hosts, got, want)
		}
	}
}

func TestHarmIsTheWorstThatWasFound(t *testing.T) {
	s := begin(t)
	s.reports("berlin", "a", nil)
	s.board.Measured(s.now, "hub", []pulse.Way{{To: "berlin", Queue: 1, Harm: &pulse.Harm{Verdict: "none found", Added: 0.1, Low: -1, High: 1}}})
	r := fleet.SyncRequest{Ways: []pulse.Way{{To: "berlin", Queue: 9, Harm: &pulse.Harm{Verdict: "harm", Added: 6, Low: 4, High: 8}}}}
	s.board.Heard(s.now, member("oslo", "b"), r)
	if o := s.board.Census(s.now, s.world).Overview; o.HarmAt != "berlin" || o.Harm.Verdict != "harm" || *o.Harm.Added != 6 || o.Harmed != 1 || o.Measured != 1 {
		t.Errorf("harm is %+v at %q", o.Harm, o.HarmAt)
	}
}

func crowd(locations, hosts int) (*Board, World) {
	b, w := New(), World{Directory: fleet.NewDirectory(fleet.Member{}), Totals: ledger.NewTotals(), Topology: &topology.Topology{},
		Contents: map[content.ID]Content{image: {ID: image, Name: "image", Distinct: 100}}}
	for i := range locations {
		for j := range hosts {
			id := member(fmt.Sprintf("shop-%04d", i), fmt.Sprintf("%04d%04d", i, j))
			r := fleet.SyncRequest{Pulse: fetching(10, 1000, "fetching"), Holdings: []fleet.Holding{{Content: image, Chunks: 1}}}
			w.Directory.Announced(morning, id, r)
			b.Heard(morning, id, r)
			b.Moved(morning, id.Peer, map[ledger.Class]int64{ledger.WAN: 1000})
		}
	}
	return b, w
}

// The memory of a board is what the package comment says.
func TestMemoryIsBounded(t *testing.T) {
	before := heap()
	b, _ := crowd(3000, 1)
	each := (heap() - before) / 3000
	t.Logf("%d bytes for a location with one host, its directory included", each)
	if each > 8<<10 {
		t.Errorf("a location costs %d bytes", each)
	}
	runtime.KeepAlive(b)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkCensus(b *testing.B) {
	board, w := crowd(3000, 30)
	for b.Loop() {
		for _, p := range board.places {
			p.tally = nil
		}
		board.Census(morning.Add(5*time.Second), w)
	}
}

// When a transfer has ended, rate and queue of its location fall back, although its hosts go on reporting.
func TestTheQueueFallsBackWhenATransferHasEnded(t *testing.T) {
	s := begin(t)
	for range 10 {
		s.now = s.now.Add(2 * time.Second)
		s.reports("berlin", "a", fetching(40, 8000, "fetching"))
		s.receives("berlin", "a", ledger.Origin, 4000)
		s.board.Measured(s.now, "hub", []pulse.Way{{To: "berlin", Queue: 7}})
	}
	s.now = s.now.Add(4 * time.Second)
	if l := s.location("berlin"); l.Now.Queue == nil || *l.Now.Queue != 7 || l.Now.WAN == 0 {
		t.Errorf("while it runs: %+v", l.Now)
	}
	for range 3 {
		s.now = s.now.Add(10 * time.Second)
		s.reports("berlin", "a", &pulse.Pulse{Flows: []pulse.Flow{{ID: "f1", Content: image, State: "done", Have: 100, Size: 100}}})
		s.board.Measured(s.now, "hub", nil)
	}
	l, h := s.location("berlin"), s.board.History(s.now, "berlin")
	if l.Now.Queue != nil || l.Now.WAN != 0 || h.Queue[len(h.Queue)-1] != nil {
		t.Errorf("half a minute after its end: %+v, and the chart ends with %v", l.Now, h.Queue[len(h.Queue)-1])
	}
	if o := s.board.Census(s.now, s.world).Overview; o.Now.Queue != nil || o.Now.WAN != 0 {
		t.Errorf("of the fleet: %+v", o.Now)
	}
}

// Hosts that live and do not reach one another divide their location, and the operator sees which.
func TestADividedLocationIsTold(t *testing.T) {
	s := begin(t)
	report := func(location, peer string, vain ...fleet.Unanswered) {
		r := fleet.SyncRequest{Instance: peer, Unanswered: vain}
		s.world.Directory.Announced(s.now, member(location, peer), r)
		s.board.Heard(s.now, member(location, peer), r)
	}
	for range 2 {
		report("berlin", "a", fleet.Unanswered{Peer: "b", Tried: 10_000}, fleet.Unanswered{Peer: "d", Tried: 10_000})
		report("berlin", "b")
		report("berlin", "c")
		report("oslo", "x")
		s.now = s.now.Add(20 * time.Second)
	}
	c := s.board.Census(s.now, s.world)
	page, _ := s.board.Location(s.world, c, "berlin")
	if page.Hosts != (Hosts{Online: 3, Apart: 2}) || c.Overview.Hosts.Apart != 2 || s.location("oslo").Hosts.Apart != 0 {
		t.Errorf("berlin has %+v, oslo %+v, all %+v", page.Hosts, s.location("oslo").Hosts, c.Overview.Hosts)
	}
	apart := map[string]string{}
	for _, h := range page.Peers {
		apart[h.Peer] = strings.Join(h.Apart, " ")
	}
	if p, _ := s.board.Peer(s.now, s.world, "a"); apart["a"] != "b" || apart["b"]+apart["c"] != "" || len(p.Apart) != 1 {
		t.Errorf("apart are, host by host, %v, and by its own page %v", apart, p.Apart)
	}
}
