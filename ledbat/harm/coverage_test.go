// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

func rfc6817() ledbat.Controller {
	c := ledbat.Default()
	c.MSS = fullSize
	ctrl, err := ledbat.New("rfc6817", c)
	if err != nil {
		panic(err)
	}
	return ctrl
}

// ordinary is a link of 5 Mbit/s and 30 ms with other traffic on and off, of four tenths in the mean.
var ordinary = scene{
	rate: 5e6, base: 15 * ms, buffer: 2 * time.Second, bursts: .5, steady: .15, for_: 300 * time.Second, from: 5 * time.Second,
	flow: rfc6817, size: fullSize, share: .05,
	// The stamps wrap in the middle of the run, and the receiver's clock runs 100 ppm fast.
	offset: stampWrap/2 - 20*time.Millisecond, drift: 100e-6,
}

// over plays a scene with seeds from 1 on.
func over(t *testing.T, runs int, s scene) *summary {
	t.Helper()
	all := make([]outcome, runs)
	var wg sync.WaitGroup
	for lane := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := lane; i < runs; i += runtime.GOMAXPROCS(0) {
				mine := s
				mine.seed = uint64(i + 1)
				all[i] = mine.play()
			}
		})
	}
	wg.Wait()
	sum := &summary{}
	for i, o := range all {
		sum.add(o)
		if i < 3 {
			t.Logf("seed %d: %v", i+1, o)
		}
	}
	t.Log(sum)
	return sum
}

func TestTheIntervalCoversTheTruth(t *testing.T) {
	if s := over(t, 200, ordinary); s.covered < 180 || s.covered > 198 {
		t.Errorf("%d of 200 intervals cover the truth; 95 %% intervals were promised", s.covered)
	}
}
