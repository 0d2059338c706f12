// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"testing"
	"time"
)

// What is known of a link that is used alone, and of CUBIC beside CUBIC, holds for the model, too.
func TestTheModelPlaysAChain(t *testing.T) {
	o := Full()
	o.Rounds = 1
	o.Times = Times{Warm: 4 * time.Second, Alone: 4 * time.Second, Bulk: 8 * time.Second, Back: 3 * time.Second, Light: 4 * time.Second, Rest: time.Second}
	solo, err := o.model(scenarios[0], "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := median(solo.rates["cubic"]); r < 17e6 || r > 19.4e6 {
		t.Errorf("cubic alone carries %.1f Mbit/s of 20", r/1e6)
	}
	if d := median(solo.call50); d < 20 || d > 20.2 {
		t.Errorf("a call alone takes %v ms, one way is 20", d)
	}
	if d := median(solo.fetch50); d < 160 || d > 210 {
		t.Errorf("a fetch of 100 kB takes %v ms; by round trips it is four and 40 ms of the link", d)
	}
	f, err := o.model(scenarios[0], "tcp:cubic", solo)
	if err != nil {
		t.Fatal(err)
	}
	if used := median(f.used); used < 97 || used > 100.1 {
		t.Errorf("cubic alone uses %v %% of the link", used)
	}
	if kept := median(f.kept["cubic"]); kept < 10 || kept > 60 {
		t.Errorf("beside cubic, cubic keeps %v %%", kept)
	}
	if q := median(f.queue95); q < 60 || q > 101 {
		t.Errorf("cubic fills %v of 100 ms", q)
	}
}

func TestWhatIsNotModelled(t *testing.T) {
	for name, want := range map[string]bool{"ebb": true, "ebb:ledbatpp": true, "tcp:bbr": true, "tcp:vegas": false, "aria2": false, "ebb:none": false} {
		if _, _, ok := modelled(name); ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}
