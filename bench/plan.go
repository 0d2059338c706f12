// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/bench/sites"
	"github.com/ebbproject/ebb/process"
)

// planned are distributions that are predicted first: an ordinary line, a long one, a fast one.
var planned = []sites.Scenario{
	{Sites: 2, Hosts: 4, Uplink: dsl, Size: 64 << 20},
	{Sites: 1, Hosts: 3, Uplink: sites.Uplink{Down: 10e6, Up: 2e6, Delay: 100 * time.Millisecond, Buffer: 300 * time.Millisecond}, Size: 32 << 20},
	{Sites: 2, Hosts: 2, Uplink: sites.Uplink{Down: 50e6, Up: 10e6, Delay: 10 * time.Millisecond, Buffer: 100 * time.Millisecond}, Size: 128 << 20},
}

// plan lays what ebb sim plan says beside what happens to real processes.
func (b *bench) plan(ctx context.Context, s *Section) error {
	s.Title = "what ebb sim plan predicts beside real processes: the time to the last host"
	list := planned
	if b.o.Short {
		list = []sites.Scenario{{Sites: 1, Hosts: 2, Uplink: dsl, Size: 8 << 20}}
	}
	for _, sc := range list {
		sc.Within = 10 * time.Minute
		said, err := b.predict(ctx, sc)
		if err != nil {
			return err
		}
		r, err := b.distribute(ctx, s, sc)
		if r == nil {
			return err
		}
		took := r.Finished.Seconds()
		s.add(fmt.Sprintf("%d MiB to %d locations of %d, %g Mbit/s, %v", sc.Size>>20, sc.Sites, sc.Hosts, sc.Uplink.Down/1e6, 2*sc.Uplink.Delay),
			100*math.Abs(said/took-1), "% off").should(atMost, 10).note("predicted %.1f s, took %.1f s; one copy at the full rate takes %.1f s",
			said, took, float64(sc.Size)*8/sc.Uplink.Down)
	}
	return nil
}

// predict asks for the time until the last host of a distribution has all, in seconds.
func (b *bench) predict(ctx context.Context, sc sites.Scenario) (float64, error) {
	const start = "2030-01-07T00:00:00Z"
	u := sc.Uplink
	file := filepath.Join(b.dir, "plan.yaml")
	text := fmt.Sprintf(`start: %s
horizon: 1h
contents: {image: {size: %dMiB}}
orders: [{content: image, to: all}]
locations:
  site: {count: %d, link: {down: %gMbit, up: %gMbit, rtt: %v, buffer: %v}, hosts: {count: %d}, profile: idle}
`, start, sc.Size>>20, sc.Sites, u.Down/1e6, u.Up/1e6, 2*u.Delay, u.Buffer, sc.Hosts)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 0, err
	}
	out, err := (process.Ebb{Exe: b.exe}).Run(ctx, "sim", "plan", file, "--fidelity", "flow", "--json")
	if err != nil {
		return 0, err
	}
	var x struct {
		Orders []struct {
			All struct {
				Seconds struct{ Value *float64 } `json:"seconds"`
			} `json:"locations_all"`
		} `json:"orders"`
	}
	if err := json.Unmarshal([]byte(out), &x); err != nil {
		return 0, err
	}
	if len(x.Orders) != 1 || x.Orders[0].All.Seconds.Value == nil {
		return 0, fmt.Errorf("ebb sim plan does not say when all have it:\n%s", text)
	}
	return *x.Orders[0].All.Seconds.Value, nil
}
