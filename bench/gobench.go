// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// results are what Go benchmarks printed: name without the number of CPUs -> unit -> value.
type results map[string]map[string]float64

// parseBenchmarks reads the output of a test binary, as described in go.dev/design/14313-benchmark-format.
func parseBenchmarks(out []byte) results {
	r := results{}
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		values := map[string]float64{}
		for ; len(f) >= 4; f = f[2:] {
			if v, err := strconv.ParseFloat(f[2], 64); err == nil {
				values[f[3]] = v
			}
		}
		r[name] = values
	}
	return r
}

// goBenchmarks builds the tests of a room and runs some of its benchmarks. Their temporary files lie in ours.
func (b *bench) goBenchmarks(ctx context.Context, room, pattern, benchtime string) (results, error) {
	binary := filepath.Join(b.dir, strings.ReplaceAll(room, "/", "-")+".test")
	if err := b.goTool(ctx, "test", "-c", "-o", binary, "./"+room); err != nil {
		return nil, err
	}
	run := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", benchtime)
	run.Dir = b.dir
	run.Env = append(os.Environ(), "TMPDIR="+b.dir)
	run.WaitDelay = endWithin
	out, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("benchmark %s: %w: %s", room, err, bytes.TrimSpace(out))
	}
	return parseBenchmarks(out), nil
}

// journal measures commits alone, and takes what the transfer in this process has shown.
func (b *bench) journal(ctx context.Context, s *Section) error {
	s.Title = "journal"
	b.say("journal")
	times := "20000x"
	if b.o.Short {
		times = "2000x"
	}
	r, err := b.goBenchmarks(ctx, "store", "^BenchmarkJournalCommit$", times)
	if err != nil {
		return err
	}
	for _, callers := range []int{1, 8, 64} {
		v, ok := r[fmt.Sprintf("JournalCommit/callers=%d", callers)]
		if !ok {
			return fmt.Errorf("the store's benchmark of its journal says nothing about %d callers", callers)
		}
		name := fmt.Sprintf("alone, %d at once", callers)
		s.add(name, v["commits/s"], "durable records/s")
		s.add(name+", p99", v["p99-ms"], "ms")
	}
	j, seconds := b.pairJournal, b.pair.Seconds
	if j.Commits == 0 {
		s.missing("in a transfer", "no transfer was measured in this process")
		return nil
	}
	s.add("in a transfer, commits", float64(j.Commits)/seconds, "commits/s").note("%s chunks each", short(mebibytes(b.pair.Bytes)/float64(j.Commits)))
	s.add("in a transfer, p99", float64(j.P99().Microseconds())/1e3, "ms")
	s.add("in a transfer, share of its time", 100*j.Journal.Seconds()/seconds, "%").should(atMost, goalJournal).
		note("the writer's; it runs beside the fetching")
	s.add("in a transfer, syncing folders", 100*j.Folders.Seconds()/seconds, "%")
	return nil
}

// relay measures the emulated WAN, on which the demo and the simulations rest.
func (b *bench) relay(ctx context.Context, s *Section) error {
	s.Title = "link emulator"
	b.say("link emulator")
	times := "5x"
	if b.o.Short {
		times = "1x"
	}
	r, err := b.goBenchmarks(ctx, "link/relay", "^BenchmarkRelay$/^(rate|delay)$/^(20|100)Mbit$", times)
	if err != nil {
		return err
	}
	for _, rate := range []string{"20Mbit", "100Mbit"} {
		speed, delay := r["Relay/rate/"+rate], r["Relay/delay/"+rate]
		if speed == nil || delay == nil {
			return fmt.Errorf("the relay's benchmark says nothing about %s", rate)
		}
		s.add(rate+"/s, error of the rate", speed["rate-err-%"], "%").should(within, goalRate)
		s.add(rate+"/s, error of the delay, median", delay["delay-err-p50-ms"], "ms").should(within, goalLateness)
		s.add(rate+"/s, error of the delay, p99", delay["delay-err-p99-ms"], "ms").should(within, goalLateness)
	}
	return nil
}
