// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/relay"
)

const (
	pauseRate = 20e6 // bits a second of the WAN link
	// The goals: from the command to the last byte of data that reaches the location.
	goalPushed, goalSwallowed = 1, 15 // seconds
	// quiet is how long no data may come before it counts as ended.
	quiet = 2 * time.Second
	// lookAtLink is how often the link is looked at, and dataSize the mean size of what came above which it is data: what else
	// there is, acknowledgements, probes and timers, is small and rare.
	lookAtLink = 2 * time.Millisecond
	dataSize   = 400
)

// pause measures how long a transfer goes on after an operator has paused it at the hub.
func (b *bench) pause(ctx context.Context, s *Section) error {
	s.Title = fmt.Sprintf("pausing a transfer over a WAN link of %.0f Mbit/s: from the command to the last byte of data", pauseRate/1e6)
	if err := b.pauseBy(ctx, s, "pushed", b.o.Pauses, goalPushed); err != nil {
		return err
	}
	if b.o.Swallowed == 0 {
		return nil
	}
	return b.pauseBy(ctx, s, "push swallowed", b.o.Swallowed, goalSwallowed, "--bus", "off")
}

func (b *bench) pauseBy(ctx context.Context, s *Section, how string, rounds int, goal float64, hubArgs ...string) (err error) {
	f, err := b.newFleet(ctx, "paused", b.o.PauseSize, hubArgs...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	way := link.Config{Rate: pauseRate, Delay: 10 * time.Millisecond, BufferTime: 200 * time.Millisecond, Overhead: 28}
	wan, err := relay.Start(relay.Config{Listen: "127.0.0.1:0", Up: way, Down: way})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wan.Close()) }()
	f.listen, f.agent = "127.0.41.1:0", []string{"--wan-relay", wan.Inside().String(), "--direct", "127.0.41.0/24"}
	sink, err := f.join(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sink.leave()) }()
	if _, err := sink.client.Get(ctx, api.Get{Ref: f.name}); err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(b.o.Seed, 0x7061757365))
	var took []float64
	for i := range rounds {
		b.say("pause, %s, round %d of %d", how, i+1, rounds)
		x, err := f.pauseOnce(ctx, wan, time.Duration(rnd.Int64N(int64(3*time.Second))))
		if err != nil {
			return err
		}
		took = append(took, x.Seconds())
	}
	slices.Sort(took)
	s.add(how+", median", median(took), "s").note("%d rounds", rounds)
	s.add(how+", p99", took[(len(took)*99+99)/100-1], "s")
	s.add(how+", longest", took[len(took)-1], "s").should(atMost, goal)
	return nil
}

// steer gives a command to the source, which is the hub.
func (f *fleet) steer(ctx context.Context, verb desired.Verb) error {
	return f.client.Call(ctx, http.MethodPost, "steer", api.Steer{Who: "bench",
		Command: desired.Command{Verb: verb, Selector: desired.Selector{Location: location}, Yes: true}}, nil)
}

// pauseOnce lets data flow for some time, pauses it, and says when the last of it came.
func (f *fleet) pauseOnce(ctx context.Context, wan *relay.Relay, after time.Duration) (took time.Duration, err error) {
	if err := f.steer(ctx, desired.DoResume); err != nil {
		return 0, err
	}
	last := wan.Stats().Down.Delivered
	data := func() bool {
		now := wan.Stats().Down.Delivered
		packets, bytes := now.Packets-last.Packets, now.Bytes-last.Bytes
		last = now
		return packets > 0 && bytes/packets > dataSize
	}
	came := 0
	err = poll(ctx, lookAtLink, func() (bool, error) { // it flows
		if data() {
			came++
		}
		return came > 50, nil
	})
	if err != nil {
		return 0, err
	}
	time.Sleep(after)
	data()
	begin := time.Now()
	if err := f.steer(ctx, desired.DoPause); err != nil {
		return 0, err
	}
	end := begin
	err = poll(ctx, lookAtLink, func() (bool, error) {
		if data() {
			end = time.Now()
		}
		since := time.Since(end)
		if flow := time.Since(begin); flow > time.Minute {
			return false, fmt.Errorf("a minute after it was paused data still comes")
		}
		return since > quiet, nil
	})
	return end.Sub(begin), err
}
