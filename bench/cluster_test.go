// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/bench/beside"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == beside.Word { // called by a test
		os.Exit(beside.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// A NATS cluster of real processes carries orders without a pause while one of its nodes is killed, one frozen, one cut off, and
// while all of them come back empty: no order is lost, none is taken twice, none goes back.
func TestOrdersSurviveTheirCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a hub, a cluster and many hosts, for a minute")
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	o := Short()
	o.Root, o.Dir, o.Only, o.Say = root, t.TempDir(), []string{"cluster"}, func(s string) { t.Log(time.Now().Format("15:04:05"), s) }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	figures := r.Sections[0].Figures
	for name, want := range map[string]float64{"orders": 5, "lost, taken twice or undone": 0} {
		i := slices.IndexFunc(figures, func(f Figure) bool { return f.Name == name })
		if i < 0 || name == "orders" && figures[i].Value < want || name != "orders" && figures[i].Value != want {
			t.Errorf("%s: %+v", name, figures)
		}
	}
}

func TestMostInASecond(t *testing.T) {
	for want, sorted := range map[float64][]float64{0: nil, 1: {0.5, 1.5, 2.5}, 3: {0, 0.1, 0.9, 1.1, 1.9, 2.2}, 2: {0, 0.999, 1}} {
		if got := most(sorted); got != want {
			t.Errorf("%v: %v, want %v", sorted, got, want)
		}
	}
}
