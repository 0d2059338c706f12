// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ebbproject/ebb/scheduler"
)

// A whole fleet of real processes behind emulated links: everything arrives, the killed endpoint resumes, and nothing
// is left behind.
func TestAFleetDistributesAndAKilledEndpointResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fleet of processes; run without -short")
	}
	exe := filepath.Join(t.TempDir(), "ebb")
	if out, err := exec.Command("go", "build", "-o", exe, "../cmd/ebb").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tmp, err := os.MkdirTemp("", "e") // short: the path of a socket has at most 100 characters or so
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	o := Default()
	o.Exe, o.Size, o.Locations, o.Endpoints = exe, 12<<20, 2, 2
	o.Down.Rate, o.Up.Rate = 40e6, 10e6
	o.Say = func(s string) { t.Log(s) }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verified != 4 || r.Endpoints != 4 || len(r.Locations) != 2 || r.Bytes != o.Size {
		t.Errorf("%+v", r)
	}
	for _, l := range r.Locations {
		if l.WAN < r.Bytes || l.Amplification < 1 {
			t.Errorf("%s: %d bytes came over the WAN, the content has %d: the links do not count", l.Name, l.WAN, r.Bytes)
		}
		for _, e := range l.Endpoints {
			if got := e.LAN + e.WAN + e.Origin; !e.Killed && got < r.Bytes {
				t.Errorf("%s: only %d of %d bytes are accounted for", e.Peer, got, r.Bytes)
			}
		}
	}
	if r.Killed == "" || r.Refetched == nil || *r.Refetched > scheduler.Default("").MaxInFlight {
		t.Errorf("killed %q, fetched again %v", r.Killed, r.Refetched)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	o := Default()
	o.Locations = 0
	if _, err := Run(t.Context(), o); err == nil {
		t.Error("no location at all was accepted")
	}
	o = Default()
	o.File = filepath.Join(t.TempDir(), "nothing")
	if _, err := Run(t.Context(), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestSameFindsTheFirstDifference(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write("a", "some bytes")
	for text, equal := range map[string]bool{"some bytes": true, "some Bytes": false, "some byte": false, "some bytes ": false, "": false} {
		if err := same(a, write("b", text)); (err == nil) != equal {
			t.Errorf("%q: %v", text, err)
		}
	}
}
