// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/process"
)

// Options of a run. Start from Full or Short.
type Options struct {
	Root    string // of the source tree
	Dir     string // where temporary files go; empty: the system's place
	Exe     string // the ebb binary; empty: built from Root
	Command string // how the run was started, for the report
	Short   bool
	Only    []string // names of sections; empty: all
	Seed    uint64
	Say     func(string) // what is being done; may be nil

	Size, MemorySize, CrashSize, StageSize, PauseSize int64
	Rounds, CrashRounds                               int
	Pauses, Swallowed                                 int // rounds with a push, and without
	Guests, Storm, Clustered                          int // hosts of one hub: that is measured, that is killed, that has a cluster
}

// Full takes about half an hour and 17 GiB of disk for a while.
func Full() Options {
	return Options{Seed: 1, Size: 1 << 30, MemorySize: 4 << 30, CrashSize: 256 << 20, StageSize: 512 << 20, Rounds: 3, CrashRounds: 20,
		PauseSize: 512 << 20, Pauses: 30, Swallowed: 10, Guests: 2000, Storm: 10_000, Clustered: 48}
}

// Short takes about a minute on an idle machine, once everything is compiled.
func Short() Options {
	return Options{Seed: 1, Short: true, Size: 128 << 20, MemorySize: 256 << 20, CrashSize: 64 << 20, StageSize: 64 << 20, Rounds: 1, CrashRounds: 3,
		PauseSize: 128 << 20, Pauses: 2, Guests: 50, Storm: 100, Clustered: 24}
}

// bench is a run.
type bench struct {
	o        Options
	exe, dir string

	// What a section leaves to later ones.
	oneRound    transfer
	pair        stage.Cost
	pairJournal stage.Journal
}

// section is what can be asked for by name.
type section struct {
	name    string
	measure func(*bench, context.Context, *Section) error
}

var sections = []section{
	{"one", (*bench).oneToOne},
	{"lan", (*bench).lan},
	{"stages", (*bench).stages},
	{"memory", (*bench).memory},
	{"crash", (*bench).crash},
	{"pause", (*bench).pause},
	{"control", (*bench).control},
	{"storm", (*bench).storm},
	{"cluster", (*bench).cluster},
	{"journal", (*bench).journal},
	{"publish", (*bench).publishing},
	{"relay", (*bench).relay},
	{"sites", (*bench).whole},
	{"seldom", (*bench).seldom},
	{"crowd", (*bench).crowd},
	{"plan", (*bench).plan},
}

// Names of the sections, in their order.
func Names() []string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

// ErrIncomplete: some section could not be measured; it says why.
var ErrIncomplete = errors.New("not everything could be measured")

// Run measures section by section. One that fails does not keep the others from being measured: the report then comes with
// ErrIncomplete. Whatever was started has ended, and every temporary file is gone, when it returns, also when ctx has ended.
func Run(ctx context.Context, o Options) (r *Report, err error) {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no section %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	dir, err := os.MkdirTemp(o.Dir, "ebb-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{o: o, dir: dir, exe: o.Exe}
	r = &Report{Command: o.Command, Started: time.Now().UTC().Truncate(time.Second), Short: o.Short, Commit: Commit(ctx, o.Root),
		Machine: ThisMachine(dir)}
	if b.exe == "" {
		if b.exe, err = b.build(ctx); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	for _, x := range sections {
		if len(o.Only) > 0 && !slices.Contains(o.Only, x.name) {
			continue
		}
		s := Section{}
		if problem := x.measure(b, ctx, &s); problem != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			s.Problem = problem.Error()
			err = ErrIncomplete
		}
		r.Sections = append(r.Sections, s)
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

func (b *bench) say(format string, args ...any) {
	if b.o.Say != nil {
		b.o.Say(fmt.Sprintf(format, args...))
	}
}

// build makes the binary, so that the figures belong to the tree they are filed under.
func (b *bench) build(ctx context.Context) (string, error) {
	b.say("building ebb")
	exe := filepath.Join(b.dir, "ebb")
	return exe, b.goTool(ctx, "build", "-o", exe, "./cmd/ebb")
}

// endWithin bounds how long a program that was interrupted may take to end.
const endWithin = 15 * time.Second

// goTool runs the go command in the source tree. Interrupted, it gets the time to clear up after itself.
func (b *bench) goTool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.o.Root
	cmd.Env = append(os.Environ(), "GOTMPDIR="+b.dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endWithin
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// Commit is where the tree stands.
func Commit(ctx context.Context, root string) string {
	id, err := process.Program{Args: []string{"git", "-C", root, "rev-parse", "--short=12", "HEAD"}}.Run(ctx)
	if err != nil {
		return "unknown"
	}
	if changes, err := (process.Program{Args: []string{"git", "-C", root, "status", "--porcelain", "--untracked-files=no"}}).Run(ctx); err != nil || changes != "" {
		return id + " with changes"
	}
	return id
}
