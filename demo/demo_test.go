// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/scheduler"
)

// setUp builds ebb, and makes the folder that a fleet makes its own in.
func setUp(t *testing.T) (exe, tmp string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a fleet of processes; run without -short")
	}
	exe = filepath.Join(t.TempDir(), "ebb")
	if out, err := exec.Command("go", "build", "-o", exe, "../cmd/ebb").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tmp, err := os.MkdirTemp("", "e") // short: the path of a socket has at most 100 characters or so
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	return exe, tmp
}

// A whole fleet of real processes behind emulated links: everything arrives, the killed endpoint resumes, and nothing
// is left behind.
func TestAFleetDistributesAndAKilledEndpointResumes(t *testing.T) {
	exe, tmp := setUp(t)
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

// A fleet that is kept stays until it is interrupted, its console can be looked at meanwhile, and nothing is left behind.
func TestAKeptFleetCanBeLookedAt(t *testing.T) {
	exe, tmp := setUp(t)
	cmd := exec.Command(exe, "demo", "--keep", "--size", "4MiB", "--locations", "1", "--endpoints", "2", "--no-kill", "--down", "100Mbit")
	var report bytes.Buffer
	cmd.Stdout = &report
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var link, said string
	for lines := bufio.NewScanner(says); lines.Scan(); {
		line := lines.Text()
		if _, after, found := strings.Cut(line, "the console, good once: "); found {
			link = after
		}
		if said += line + "\n"; strings.Contains(line, "until Ctrl-C") {
			break
		}
	}
	console, err := url.Parse(link)
	if err != nil || console.Host == "" {
		t.Fatalf("no link was said: %s", said)
	}
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	in, err := browser.PostForm(link, url.Values{"link": {console.Query().Get("link")}})
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(in.Body)
	if err := errors.Join(err, in.Body.Close()); err != nil || in.StatusCode != http.StatusOK || !strings.Contains(string(page), "berlin") {
		t.Errorf("%s, %v: %s", in.Status, err, page)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(says)
	if err := cmd.Wait(); err != nil || !strings.Contains(report.String(), "2 of 2") {
		t.Errorf("%v: %s%s%s", err, report.String(), said, rest)
	}
	if r, err := browser.Get(link); err == nil {
		r.Body.Close()
		t.Error("its console still answers")
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
