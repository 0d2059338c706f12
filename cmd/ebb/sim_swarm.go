// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/sim/swarm"
	"github.com/ebbproject/ebb/units"
)

// swarmReport is what --json prints.
type swarmReport struct {
	Hosts     int        `json:"hosts"`
	Locations int        `json:"locations"`
	Bytes     int64      `json:"bytes"`
	WANBits   int64      `json:"wan_bits_per_second"`
	Version   string     `json:"version"`
	Runs      []swarmRun `json:"runs"`
	Worst     swarmRun   `json:"worst"` // of each figure, over all seeds
}

type swarmRun struct {
	Seed          uint64  `json:"seed"`
	Complete      int     `json:"complete"`
	Amplification float64 `json:"wan_amplification"`
	First         float64 `json:"first_seconds"`
	Median        float64 `json:"median_seconds"`
	Last          float64 `json:"last_seconds"`
	ControlShare  float64 `json:"lan_control_share"`
	ControlWAN    int64   `json:"wan_control_bytes"`
	MostSent      float64 `json:"most_sent_contents"`
	Memory        int64   `json:"host_memory_bytes,omitempty"` // what one host's share of the heap is at the end, all of its maps included; 0: several seeds at a time were played
}

func newSimSwarm() *cobra.Command {
	c := swarm.Default()
	var size, wan, lan string
	var seeds, workers int
	cmd := &cobra.Command{
		Use:   "swarm",
		Short: "How often a content crosses the WAN link of a location, and when its hosts have it",
		Args:  exactly(),
	}
	asJSON := jsonFlag(cmd)
	fl := cmd.Flags()
	fl.IntVar(&c.Hosts, "hosts", c.Hosts, "hosts of a location")
	fl.IntVar(&c.Locations, "locations", c.Locations, "locations")
	fl.StringVar(&size, "size", "1GiB", "of the content")
	fl.StringVar(&wan, "wan", "10Mbit", "rate of a location's WAN link, each way")
	fl.StringVar(&lan, "lan", "1Gbit", "rate of a host's link, each way")
	fl.IntVar(&seeds, "seeds", 1, "how many seeds")
	fl.DurationVar(&c.KillEvery, "kill-every", 0, "kill a fetcher of the first location this often; 0: never")
	fl.DurationVar(&c.PartitionFor, "partition", 0, "divide the first location's LAN for so long, from the first minute on; 0: not at all")
	fl.DurationVar(&c.HubAwayFor, "hub-away", 0, "take the hub away for so long, from the first minute on; 0: not at all")
	fl.IntVar(&workers, "workers", cores(), "how many seeds run at a time; the result is the same")
	plot := fl.Bool("plot", false, "draw the course of the first seed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if workers < 1 || seeds < 1 {
			return usagef("--workers %d --seeds %d; give at least 1 of each", workers, seeds)
		}
		if err := swarmUnits(&c, size, wan, lan); err != nil {
			return err
		}
		results, memory := make([]swarm.Result, seeds), make([]int64, seeds)
		err := inParallel(cmd.Context(), workers, seeds, func(i int) error {
			world := c
			world.Seed = uint64(i + 1)
			if min(workers, seeds) == 1 { // nothing else grows meanwhile
				before := liveHeap()
				world.Over = func() { memory[i] = max(liveHeap()-before, 0) / int64(world.Hosts*world.Locations) }
			}
			r, err := swarm.Run(world)
			results[i] = r
			return err
		}, counter(cmd.ErrOrStderr(), "seeds", seeds))
		if errors.Is(err, swarm.ErrConfig) {
			return usagef("%v", err)
		}
		if err != nil {
			return err
		}
		report := reduceSwarm(c, results, memory)
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), report)
		}
		if err := report.print(cmd.OutOrStdout()); err != nil || !*plot {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "\n%s", results[0].Plot())
		return err
	}
	return cmd
}

func swarmUnits(c *swarm.Config, size, wan, lan string) error {
	var ok bool
	if c.Size, ok = units.Size(size); !ok {
		return usagef("--size %q is no size; write it like 1GiB", size)
	}
	if c.WAN, ok = units.Rate(wan); !ok {
		return usagef("--wan %q is no rate; write it like 10Mbit", wan)
	}
	if c.LAN, ok = units.Rate(lan); !ok {
		return usagef("--lan %q is no rate; write it like 1Gbit", lan)
	}
	return nil
}

// liveHeap is how many bytes are in use.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func reduceSwarm(c swarm.Config, results []swarm.Result, memory []int64) swarmReport {
	report := swarmReport{Hosts: c.Hosts, Locations: c.Locations, Bytes: c.Size, WANBits: int64(c.WAN), Version: version()}
	report.Worst.Complete = c.Hosts * c.Locations
	for i, r := range results {
		run := swarmRun{Seed: r.Config.Seed, Complete: r.Complete, Amplification: r.Amplification(), First: r.First.Seconds(),
			Median: r.Median.Seconds(), Last: r.Last.Seconds(), ControlShare: r.ControlShare, ControlWAN: r.Control.WAN, MostSent: r.MostSent, Memory: memory[i]}
		report.Runs = append(report.Runs, run)
		w := &report.Worst
		if run.Amplification > w.Amplification {
			w.Seed, w.Amplification = run.Seed, run.Amplification
		}
		w.Complete = min(w.Complete, run.Complete)
		w.First, w.Median, w.Last = max(w.First, run.First), max(w.Median, run.Median), max(w.Last, run.Last)
		w.ControlShare, w.ControlWAN = max(w.ControlShare, run.ControlShare), max(w.ControlWAN, run.ControlWAN)
		w.MostSent, w.Memory = max(w.MostSent, run.MostSent), max(w.Memory, run.Memory)
	}
	return report
}

// print shows the report as a table for people.
func (r swarmReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SEED\tCOMPLETE\tAMPLIFICATION\tFIRST\tMEDIAN\tLAST\tLAN CONTROL\tWAN CONTROL\tMOST SENT\tMEMORY A HOST")
	row := func(name string, x swarmRun) {
		seconds := func(s float64) time.Duration { return time.Duration(s*10) * 100 * time.Millisecond }
		memory := "-"
		if x.Memory > 0 {
			memory = units.IEC(x.Memory)
		}
		fmt.Fprintf(w, "%s\t%d of %d\t%.4f\t%s\t%s\t%s\t%.2f %%\t%s\t%.1f times\t%s\n", name, x.Complete, r.Hosts*r.Locations, x.Amplification,
			seconds(x.First), seconds(x.Median), seconds(x.Last), 100*x.ControlShare, units.IEC(x.ControlWAN), x.MostSent, memory)
	}
	for _, x := range r.Runs {
		row(fmt.Sprint(x.Seed), x)
	}
	if len(r.Runs) > 1 {
		row("worst", r.Worst)
	}
	return w.Flush()
}
