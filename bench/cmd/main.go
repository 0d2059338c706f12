// SPDX-License-Identifier: Apache-2.0

// Command cmd is what make bench runs: it measures Ebb and its references, prints the table, and files it under
// bench/results as text and as JSON. Progress goes to stderr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ebbproject/ebb/bench"
	"github.com/ebbproject/ebb/bench/beside"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == beside.Word { // called by itself
		os.Exit(beside.Main(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o := bench.Full()
	fl := flag.NewFlagSet("go run ./bench/cmd", flag.ContinueOnError)
	fl.SetOutput(progress)
	fl.BoolVar(&o.Short, "short", false, "small amounts: rough figures in about a minute")
	only := fl.String("only", "", "sections, by commas: "+strings.Join(bench.Names(), ", "))
	name := fl.String("name", "", "name of the results (default: date and commit)")
	results := fl.String("results", "", "folder that the results are kept in (default: bench/results)")
	size := fl.Int("mib", 0, "MiB of the one-to-one transfer (default: 1024, short 128)")
	guests := fl.Int("guests", 0, "hosts of the hub that is measured alone, and of the one that is killed (default: 2000 and 10000, short 50 and 100)")
	fl.StringVar(&o.Exe, "ebb", "", "the ebb binary (default: built from this tree)")
	fl.StringVar(&o.Dir, "dir", "", "folder for temporary files, on the disk to be measured (default: the system's)")
	fl.Uint64Var(&o.Seed, "seed", o.Seed, "of what is sent and of when the sink is killed")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if fl.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", fl.Arg(0))
	}
	if o.Short {
		short := bench.Short()
		short.Exe, short.Dir, short.Seed = o.Exe, o.Dir, o.Seed
		o = short
	}
	if *size > 0 {
		o.Size = int64(*size) << 20
	}
	if *guests > 0 {
		o.Guests, o.Storm = *guests, *guests
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	var err error
	if o.Root, err = bench.Root(); err != nil {
		return err
	}
	o.Command = strings.Join(append([]string{"go run ./bench/cmd"}, args...), " ")
	o.Say = func(what string) { fmt.Fprintln(progress, "#", what) }
	report, err := bench.Run(ctx, o)
	if report == nil {
		return err
	}
	if *results == "" {
		*results = filepath.Join(o.Root, "bench", "results")
	}
	if *name == "" {
		*name = nameOf(report)
	}
	return errors.Join(err, report.Table(out), bench.Keep(report, filepath.Join(*results, *name), progress))
}

// nameOf is what the results are called when nobody says.
func nameOf(r *bench.Report) string {
	name := r.Started.Format("2006-01-02") + "-" + strings.Fields(r.Commit)[0]
	if r.Short {
		name += "-short"
	}
	return name
}
