// SPDX-License-Identifier: Apache-2.0

// Command cmd is what make bench-yield runs: it measures how well backgrounds give way to the kernel's TCP, prints the table, and files it
// under bench/results as text and as JSON. Progress goes to stderr. It needs Linux and root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ebbproject/ebb/bench"
	"github.com/ebbproject/ebb/bench/yield"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "yield:", err)
		os.Exit(1)
	}
}

// flags beside the options.
type flags struct {
	scenarios, backgrounds, name, results string
	rounds, atOnce                        int
	bulk                                  time.Duration
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o yield.Options
	var f flags
	fl := flag.NewFlagSet("go run ./bench/yield/cmd", flag.ContinueOnError)
	fl.SetOutput(progress)
	fl.BoolVar(&o.Short, "short", false, "one scenario, in less than a minute, to see that it works")
	fl.StringVar(&f.scenarios, "scenario", "", "links, by commas (default all): "+strings.Join(yield.Scenarios(), ", "))
	fl.StringVar(&f.backgrounds, "background", "", "by commas (default ebb,tcp:cubic,tcp:bbr): "+strings.Join(yield.Backgrounds(), ", "))
	fl.IntVar(&f.rounds, "rounds", 0, "how often each cell is measured (default 3)")
	fl.IntVar(&f.atOnce, "at-once", 0, "links measured at the same time (default 2); more disturb one another on few cores")
	fl.DurationVar(&f.bulk, "bulk", 0, "how long a bulk foreground stays (default 15s)")
	fl.StringVar(&f.name, "name", "", "name of the results (default: date, yield and commit)")
	fl.StringVar(&f.results, "results", "", "folder that the results are kept in (default: bench/results)")
	fl.StringVar(&o.Exe, "ebb", "", "the ebb binary (default: built from this tree)")
	fl.StringVar(&o.Dir, "dir", "", "folder for temporary files (default: the system's)")
	fl.Uint64Var(&o.Seed, "seed", 1, "of what is moved")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if fl.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", fl.Arg(0))
	}
	o = f.options(o)
	o.Command = strings.Join(append([]string{"go run ./bench/yield/cmd"}, args...), " ")
	o.Say = func(what string) { fmt.Fprintln(progress, "#", what) }
	var err error
	if o.Root, err = bench.Root(); err != nil {
		return err
	}
	if o.Exe == "" {
		clean, err := build(ctx, &o)
		if err != nil {
			return err
		}
		defer clean()
	}
	report, err := yield.Run(ctx, o)
	if report == nil {
		return err
	}
	if f.results == "" {
		f.results = filepath.Join(o.Root, "bench", "results")
	}
	if f.name == "" {
		f.name = nameOf(report)
	}
	return errors.Join(err, report.Table(out), bench.Keep(report, filepath.Join(f.results, f.name), progress))
}

// options puts what the flags say over what is usual.
func (f flags) options(from yield.Options) yield.Options {
	o := yield.Full()
	if from.Short {
		o = yield.Short()
	}
	o.Exe, o.Dir, o.Seed = from.Exe, from.Dir, from.Seed
	if f.scenarios != "" {
		o.Scenarios = strings.Split(f.scenarios, ",")
	}
	if f.backgrounds != "" {
		o.Backgrounds = strings.Split(f.backgrounds, ",")
	}
	if f.rounds > 0 {
		o.Rounds = f.rounds
	}
	if f.atOnce > 0 {
		o.AtOnce = f.atOnce
	}
	if f.bulk > 0 {
		o.Times.Bulk = f.bulk
	}
	return o
}

// build makes the binary, so that the figures belong to the tree they are filed under.
func build(ctx context.Context, o *yield.Options) (clean func(), err error) {
	dir, err := os.MkdirTemp(o.Dir, "ebb-yield-exe-")
	if err != nil {
		return nil, err
	}
	clean = func() { os.RemoveAll(dir) }
	o.Exe = filepath.Join(dir, "ebb")
	o.Say("building ebb")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", o.Exe, "./cmd/ebb")
	cmd.Dir = o.Root
	if text, err := cmd.CombinedOutput(); err != nil {
		clean()
		return nil, fmt.Errorf("go build: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return clean, nil
}

// nameOf is what the results are called when nobody says.
func nameOf(r *yield.Report) string {
	name := r.Started.Format("2006-01-02") + "-yield-" + strings.Fields(r.Commit)[0]
	if r.Short {
		name += "-short"
	}
	return name
}
