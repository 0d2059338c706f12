// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/bench"
)

// Options of a run. Start from Full or Short.
type Options struct {
	Exe         string // the ebb binary
	Dir         string // where temporary files go; empty: the system's place
	Root        string // of the source tree
	Command     string // how the run was started, for the report
	Short       bool
	Scenarios   []string
	Backgrounds []string
	Rounds      int
	AtOnce      int // scenarios
	Times       Times
	Seed        uint64
	Say         func(string) // what is being done; may be nil
}

// Full takes under twenty minutes for one background.
func Full() Options {
	return Options{Scenarios: Scenarios(), Backgrounds: []string{"ebb", "tcp:cubic", "tcp:bbr"}, Rounds: 3, AtOnce: 2, Seed: 1, Times: Times{
		Warm: 5 * time.Second, Alone: 8 * time.Second, Bulk: 15 * time.Second, Back: 6 * time.Second, Light: 12 * time.Second, Rest: 3 * time.Second}}
}

// Short takes less than a minute and shows that it works, not how well.
func Short() Options {
	return Options{Short: true, Scenarios: []string{"dsl"}, Backgrounds: []string{"ebb"}, Rounds: 1, AtOnce: 1, Seed: 1, Times: Times{
		Warm: 2 * time.Second, Alone: 2 * time.Second, Bulk: 2 * time.Second, Back: time.Second, Light: 2 * time.Second, Rest: time.Second}}
}

// ErrIncomplete: some cell could not be measured; it says why.
var ErrIncomplete = errors.New("not everything could be measured")

// Run measures cell by cell. One that fails does not keep the others from being measured: the report then comes with ErrIncomplete. A
// background that is not installed is no failure. Whatever was started has ended, and every temporary file is gone, when it returns, also
// when ctx has ended.
func Run(ctx context.Context, o Options) (r *Report, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "ebb-yield-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	begin := time.Now()
	r = &Report{Command: o.Command, Started: begin.UTC().Truncate(time.Second), Short: o.Short, Commit: bench.Commit(ctx, o.Root),
		Machine: bench.ThisMachine(dir), Rounds: o.Rounds, Times: o.Times}
	r.Scenarios = make([]ScenarioReport, len(o.Scenarios))
	var all errgroup.Group
	all.SetLimit(max(1, o.AtOnce))
	for i, name := range o.Scenarios {
		s := scenarios[slices.Index(Scenarios(), name)]
		all.Go(func() error {
			r.Scenarios[i] = ScenarioReport{Scenario: s, Title: s.String(), Goals: s.goals()}
			return o.scenario(ctx, filepath.Join(dir, name), &r.Scenarios[i])
		})
	}
	err = all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

func (o *Options) check() error {
	for _, name := range o.Scenarios {
		if !slices.Contains(Scenarios(), name) {
			return fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(Scenarios(), ", "))
		}
	}
	for _, name := range o.Backgrounds {
		if _, err := newBackground(o, name); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, args...))
	}
}

// scenario measures what everything does alone, and then every background.
func (o *Options) scenario(ctx context.Context, dir string, into *ScenarioReport) (err error) {
	s := into.Scenario
	chains := time.Duration(o.Rounds * (1 + len(o.Backgrounds)))
	r, err := newRig(ctx, o.Exe, dir, s, chains*(o.Times.chain()+time.Minute)+5*time.Minute)
	if err != nil {
		into.Missing = err.Error()
		return errors.Join(ErrIncomplete, err)
	}
	defer func() { err = errors.Join(err, r.close()) }()
	r.content = int64(1.1*s.Rate/8*o.Times.chain().Seconds()) + 32<<20
	solo, err := o.solo(ctx, r)
	if err != nil {
		into.Missing = err.Error()
		return errors.Join(ErrIncomplete, err)
	}
	into.Solo = solo.row("nothing")
	for _, name := range o.Backgrounds {
		row := o.cell(ctx, cell{rig: r, name: name, solo: solo})
		if row.Problem != "" {
			err = ErrIncomplete
		}
		into.Rows = append(into.Rows, row)
	}
	log, bad := r.readings()
	into.Late = log.late()
	return errors.Join(err, bad, o.simulate(into))
}

// simulate plays the same in the simulator, as far as it has the backgrounds.
func (o *Options) simulate(into *ScenarioReport) error {
	solo, err := o.model(into.Scenario, "", nil)
	if err != nil {
		return err
	}
	row := solo.row("nothing")
	into.Simulated.Solo = &row
	for _, name := range o.Backgrounds {
		if _, _, ok := modelled(name); !ok {
			continue
		}
		f, err := o.model(into.Scenario, name, solo)
		if err != nil {
			return err
		}
		into.Simulated.Rows = append(into.Simulated.Rows, f.row(name))
	}
	return nil
}
