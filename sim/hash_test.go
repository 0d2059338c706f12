// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// course is the hash of all that a world shows.
func course(paths []*sim.Path, flows []*sim.Flow) string {
	h := fnv.New64a()
	for _, p := range paths {
		fmt.Fprint(h, p.Queues(), p.Forward[0].Stats(), p.Reverse[0].Stats())
	}
	for _, f := range flows {
		fmt.Fprint(h, f.Trace)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// mixed is a world with two paths, of which one loses, delays and reorders and the other has a queue manager and a rate that changes; on it a
// group, a flow of ours with a wrong clock, and TCP.
func mixed(name string) string {
	w := sim.NewWorld()
	rough := w.Path(link.Config{Rate: 20e6, Delay: 20 * ms, BufferTime: 100 * ms, Loss: 0.003, Jitter: ms, Reorder: 0.005, ReorderDelay: 5 * ms, Seed: 3},
		link.Config{Rate: 100e6, Delay: 20 * ms, Loss: 0.01, Seed: 4})
	managed := w.Path(link.Config{Rate: 30e6, Delay: 10 * ms, BufferTime: 200 * ms, AQM: link.PIE{ECN: true}, Seed: 5}, link.Config{Delay: 10 * ms})
	w.At(7*sec, func(now time.Time) { managed.Forward[0].SetRate(now, 12e6) })
	var flows []*sim.Flow
	for i, control := range []string{"reno", "cubic", "bbr", "copa"} {
		for _, p := range []*sim.Path{rough, managed} {
			s, r := traffic.NewTCP(traffic.Config{Control: control, Start: time.Duration(i) * sec, ECN: true, Seed: uint64(i)})
			flows = append(flows, w.Add(p, s, r))
		}
	}
	ctl := func() ledbat.Controller {
		c, err := ledbat.New(name, ledbat.Default())
		if err != nil {
			panic(err)
		}
		return c
	}
	mss := ledbat.Default().MSS
	g := group.New(ctl(), mss)
	for range 3 {
		flows = append(flows, w.Flow(managed, sim.FlowConfig{Group: g, MSS: mss}).Flow)
	}
	flows = append(flows, w.Flow(rough, sim.FlowConfig{Controller: ctl(), MSS: mss, Clock: sim.Clock{Offset: time.Hour, Skew: 77}}).Flow)
	w.Run(15 * sec)
	return course([]*sim.Path{rough, managed}, flows)
}

// The same world gives the same bytes, on any machine. CI runs this with GOAMD64=v3, too, where x*y+z may become one instruction that rounds
// once: float64(x*y)+z keeps it apart. A new hash is a new behaviour: say in the commit what it is and why.
func TestGoldenHashes(t *testing.T) {
	const file = "testdata/hashes.txt"
	var b strings.Builder
	for _, name := range []string{"rfc6817", "ledbatpp"} {
		first, again := mixed(name), mixed(name)
		if first != again {
			t.Errorf("%s: two runs of one world differ: %s and %s", name, first, again)
		}
		fmt.Fprintf(&b, "mixed %s %s\n", name, first)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s is no longer what happens; now:\n%sIf that is intended, run: go test ./sim -run Golden -update", file, b.String())
	}
}
