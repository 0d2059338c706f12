// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// Everything is done once, and progress is shown for each, whatever the number of workers; the first error ends it.
func TestInParallel(t *testing.T) {
	for round := range 2000 {
		workers, n := 1+round%9, round%37
		var sum atomic.Int64
		shown := 0
		err := inParallel(context.Background(), workers, n, func(i int) error {
			sum.Add(int64(i + 1))
			return nil
		}, func(int) { shown++ })
		if err != nil || shown != n || sum.Load() != int64(n*(n+1)/2) {
			t.Fatalf("%d workers, %d to do: %v, %d shown, sum %d", workers, n, err, shown, sum.Load())
		}
	}
	bad := errors.New("bad")
	err := inParallel(context.Background(), 3, 100, func(i int) error {
		if i == 50 {
			return bad
		}
		return nil
	}, func(int) {})
	if !errors.Is(err, bad) {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := inParallel(ctx, 2, 10, func(int) error { return nil }, func(int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
