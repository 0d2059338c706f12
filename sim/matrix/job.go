// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/ledbat"
)

// Options say what of the matrix is wanted.
type Options struct {
	Edition
	Row         int      // 1 to Rows; 0: all
	Controllers []string // nil: ebb
	Seeds       int      // 1 to MaxSeeds
}

// MaxSeeds is how many seeds there may be.
const MaxSeeds = 1000

// ErrOptions is wrapped by what Jobs answers to Options that make no sense.
var ErrOptions = errors.New("matrix")

// A Job is one scenario, one controller, one seed.
type Job struct {
	Scenario   *Scenario
	Controller string
	Seed       uint64
	Courses    bool // keep how rates, queue and window went
	number     int  // of the scenario
}

// String is what is run, in a few words.
func (j Job) String() string {
	return fmt.Sprintf("row %d, %s, against %s: %s, seed %d", j.Scenario.Row, j.Scenario.Name, j.Scenario.Against, j.Controller, j.Seed)
}

// A Result is what one Job measured.
type Result struct {
	Job
	Figures map[string]float64
	Kept    []Course // if the job asked for them
}

// Jobs is what is to be run. Its order is that of the rows; each may be run at any time and by anybody.
func Jobs(o Options) ([]Job, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Controllers == nil {
		o.Controllers = []string{"ebb"}
	}
	var jobs []Job
	scenarios := o.Scenarios()
	for i := range scenarios {
		s := &scenarios[i]
		if o.Row != 0 && s.Row != o.Row {
			continue
		}
		for _, c := range o.Controllers {
			for seed := range o.Seeds {
				jobs = append(jobs, Job{Scenario: s, Controller: c, Seed: uint64(seed + 1), number: i})
			}
		}
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("%w: row %d has no scenario in the short edition; rows %s have", ErrOptions, o.Row, rowsOf(scenarios))
	}
	return jobs, nil
}

func (o Options) check() error {
	var errs []error
	if o.Row < 0 || o.Row > Rows {
		errs = append(errs, fmt.Errorf("%w: there is no row %d; give 1 to %d", ErrOptions, o.Row, Rows))
	}
	if o.Seeds < 1 || o.Seeds > MaxSeeds {
		errs = append(errs, fmt.Errorf("%w: %d seeds; give 1 to %d", ErrOptions, o.Seeds, MaxSeeds))
	}
	for _, c := range o.Controllers {
		if !slices.Contains(ledbat.Names(), c) {
			errs = append(errs, fmt.Errorf("%w: there is no controller %q; have %s", ErrOptions, c, strings.Join(ledbat.Names(), ", ")))
		}
	}
	return errors.Join(errs...)
}

func rowsOf(all []Scenario) string {
	var rows []string
	for _, s := range all {
		if r := fmt.Sprint(s.Row); !slices.Contains(rows, r) {
			rows = append(rows, r)
		}
	}
	return strings.Join(rows, ", ")
}

// Run runs a job. The same job has the same result.
func Run(j Job) Result {
	r := &runs{Scenario: j.Scenario, controller: j.Controller, seed: j.Seed}
	out := Result{Job: j, Figures: r.measure()}
	if j.Courses {
		out.Kept = r.courses()
	}
	return out
}
