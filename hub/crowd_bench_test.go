// SPDX-License-Identifier: Apache-2.0

//go:build unix

package hub

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

const (
	crowdHosts     = 2000
	crowdLocations = 100
	crowdRest      = 20 * time.Second // for which the crowd is watched doing nothing
)

// BenchmarkCrowd joins 2,000 hosts to a hub with its own bus, all in this process, and pauses the fleet. Metrics: from the command to its
// arrival at a host, verified and entered, p50, p99 and longest; the share of a core that all of them and the hub take while each shows its
// digest every 10 s; the memory of the process. Since hosts and hub share it, both are upper bounds of the hub's.
func BenchmarkCrowd(b *testing.B) {
	w := newWorld(b)
	w.stop()
	w.bus = anyPort
	w.start()
	crowd := make([]*subject, crowdHosts)
	arrived := make(chan time.Time, crowdHosts)
	ups := make(chan struct{}, crowdHosts)
	for i := range crowd {
		s := w.subject(fmt.Sprintf("shop%d", i%crowdLocations))
		crowd[i] = s
		reply, err := sync1(s.client, fleet.SyncRequest{})
		w.must(err)
		var mu sync.Mutex
		h, err := bus.Join(bus.Options{Self: func() *node.Node { return s.node }, Bus: *reply.Bus, Log: w.hub.o.Log, Up: func() { ups <- struct{}{} },
			Heard: func(raw []byte) {
				mu.Lock()
				defer mu.Unlock()
				if _, err := s.book.Heard(time.Now(), raw); err == nil {
					arrived <- time.Now()
				}
			}})
		w.must(err)
		b.Cleanup(h.Close)
	}
	for range crowd {
		w.await(ups)
	}
	cpu := rest(w, crowd)
	var took []time.Duration
	verb := desired.DoPause
	for b.Loop() {
		begin := time.Now()
		w.steer(desired.Command{Verb: verb})
		for range crowd {
			select {
			case t := <-arrived:
				took = append(took, t.Sub(begin))
			case <-time.After(time.Minute):
				b.Fatal("it did not reach all in a minute")
			}
		}
		if verb = desired.DoPause; len(took)/crowdHosts%2 == 1 {
			verb = desired.DoResume
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "longest-ms")
	b.ReportMetric(100*cpu, "%-of-core-at-rest")
	b.ReportMetric(resident(b), "MiB-resident")
	b.ReportMetric(0, "ns/op")
}

// rest lets every host exchange news every ten seconds, and says which share of a core that takes.
func rest(w *world, crowd []*subject) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), crowdRest)
	defer cancel()
	var running sync.WaitGroup
	before, begin := used(w), time.Now()
	for i, s := range crowd {
		running.Go(func() {
			wait := time.NewTimer(10 * time.Second * time.Duration(i) / crowdHosts)
			defer wait.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-wait.C:
				}
				_, err := s.client.Sync(context.Background(), fleet.SyncRequest{Desired: &fleet.Desired{Root: s.book.Root(s.node.Identity).String()}})
				if err != nil {
					w.Error(err)
				}
				wait.Reset(10 * time.Second)
			}
		})
	}
	running.Wait()
	return (used(w) - before).Seconds() / time.Since(begin).Seconds()
}

// used is the CPU time of this process.
func used(w *world) time.Duration {
	var u syscall.Rusage
	w.must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory of this process in MiB; 0 where the system does not tell.
func resident(b *testing.B) (mib float64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(text), "VmRSS:")
	if _, err := fmt.Sscan(line, &mib); err != nil {
		b.Fatal(err)
	}
	return mib / 1024
}
