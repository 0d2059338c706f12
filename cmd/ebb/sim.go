// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newSim() *cobra.Command {
	cmd := group("sim", "Simulate networks and fleets, with the code that ships")
	cmd.AddCommand(newSimPlan(), newSimSweep(), newSimCheck(), newSimSchema(), newSimVerify(), newSimFromFleet(), newSimRun(), newSimMatrix(), newSimSwarm(), newSimCalibrate())
	return cmd
}

// inParallel calls work for 0 to n-1, as many at a time as workers, and shows on w how far it is.
func inParallel(ctx context.Context, workers, n int, work func(int) error, progress func(done int)) error {
	g, ctx := errgroup.WithContext(ctx)
	next, finished := make(chan int), make(chan struct{})
	g.Go(func() error {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		g.Go(func() error {
			for i := range next {
				if err := work(i); err != nil {
					return err
				}
				select {
				case finished <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		for done := range n {
			select {
			case <-finished:
				progress(done + 1)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}

// counter shows on w how many of n are done: a line that changes on a terminal, a line every ten seconds elsewhere.
func counter(w io.Writer, what string, n int) func(done int) {
	terminal, last := isTerminal(w), time.Now()
	return func(done int) {
		switch {
		case terminal:
			fmt.Fprintf(w, "\r%d of %d %s", done, n, what)
			if done == n {
				fmt.Fprint(w, "\r\033[K")
			}
		case time.Since(last) >= 10*time.Second:
			last = time.Now()
			fmt.Fprintf(w, "%d of %d %s\n", done, n, what)
		}
	}
}

// cores is how many workers there are if the user does not say.
func cores() int { return runtime.GOMAXPROCS(0) }
