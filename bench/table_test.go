// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

func sample() *Report {
	var one, two Section
	one.Title = "one to one over loopback: 1 GiB; median of 3"
	one.add("ebb, to verified and on disk", 1.8123, "Gbit/s").should(atLeast, 1.5).note("%s to %s", short(1.7), short(1.9))
	one.add("ebb, both ends", 9.04, "CPU-s/GB").should(atMost, 9)
	one.add("this disk", 12345, "Mbit/s")
	one.missing("nginx to curl", "nginx and curl are not both installed")
	two.Title = "link emulator"
	two.add("error of the rate", -2.5, "%").should(within, 2)
	two.add("error of the delay", -0.05, "ms").should(within, 1)
	two.Problem = "the relay's benchmark says nothing about 100Mbit"
	return &Report{Command: "go run ./bench/cmd -short", Started: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC), Seconds: 41.6, Short: true,
		Commit: "0123456789ab with changes", Sections: []Section{one, two},
		Machine: Machine{CPU: "A CPU", Cores: 2, Memory: 24 << 30, Kernel: "6.1", Go: "go1.26", System: "linux/amd64", FileSystem: "ext4", Load: "0.10 0.20 0.30"}}
}

func TestTable(t *testing.T) {
	b := &strings.Builder{}
	if err := sample().Table(b); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.txt", b.String())
}

func TestDocument(t *testing.T) {
	b, err := json.MarshalIndent(sample(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.json", string(b)+"\n")
}

func TestNumbersHaveAboutThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 9: "9", 1.5: "1.50", 12.34: "12.3", 123.4: "123", 43981.2: "43981", -0.046: "-0.05"} {
		if got := short(v); got != want {
			t.Errorf("%g is shown as %s, want %s", v, got, want)
		}
	}
}

func TestUnknownSectionsAreRefused(t *testing.T) {
	_, err := Run(t.Context(), Options{Only: []string{"one", "tow"}, Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `"tow"`) {
		t.Errorf("got %v", err)
	}
}
