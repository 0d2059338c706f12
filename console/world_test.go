// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/store"
)

var (
	image = content.Sum([]byte("image"))
	tool  = content.Sum([]byte("tool"))
)

const (
	peerA = "00000000000000aa"
	peerB = "00000000000000bb"
)

// world is a console over a real board, to which the test plays the hosts, on a real port.
type world struct {
	*testing.T
	server *Server
	*orderly

	mu    sync.Mutex // guards what follows
	late  time.Duration
	board *board.Board
	known board.World
}

// orderly is the half of a real hub that takes orders; no host reports to it, so that an order touches nothing yet.
type orderly struct{ hub *hub.Server }

func (o *orderly) Preview(c desired.Command, size int64) (desired.Preview, error) {
	return o.hub.Preview(c, size)
}

func (o *orderly) Steer(ctx context.Context, who string, c desired.Command) (desired.Entry, error) {
	return o.hub.Steer(ctx, who, c)
}

func (o *orderly) Audit(before string, most int) ([]desired.Entry, error) {
	return o.hub.Audit(before, most)
}

func (o *orderly) Desired() []desired.Document { return o.hub.Desired() }

func (o *orderly) Policies(key string, at *desired.Selector) []api.Policy {
	return o.hub.Policies(key, at)
}

func (o *orderly) PolicyHistory(key string, most int) ([]desired.Entry, error) {
	return o.hub.PolicyHistory(key, most)
}

func (o *orderly) Note(line []byte) error           { return o.hub.Note(line) }
func (o *orderly) Notes(most int) ([][]byte, error) { return o.hub.Notes(most) }

func (o *orderly) PolicyDiff(since string) ([]api.PolicyChange, error) {
	return o.hub.PolicyDiff(since)
}

func newOrderly(t *testing.T, clock func() time.Time) *orderly {
	t.Helper()
	st, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	n, err := hub.Init(state, l.Addr().(*net.TCPAddr).AddrPort(), clock(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, err := hub.Open(hub.Options{State: state, Node: n, Store: st, Listener: l, Clock: clock, Observed: func() map[string]netip.AddrPort { return nil },
		Published: func([]byte) error { return nil }, Pinned: func([]ed25519.PublicKey) {}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(h.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return &orderly{h}
}

// newWorld is a fleet of two locations in which two hosts fetch, and of many more that are only in the topology.
func newWorld(t *testing.T, locations int) *world {
	t.Helper()
	w := &world{T: t, board: board.New(), known: board.World{Directory: fleet.NewDirectory(fleet.Member{}), Totals: ledger.NewTotals(), Topology: &topology.Topology{},
		Contents: map[content.ID]board.Content{
			image: {ID: image, Name: "image", Version: "7", Type: "os-image", Size: 1000, Distinct: 1000, Chunks: 4, Files: 1, Current: true, Created: time.Now()},
			tool:  {ID: tool, Name: "tool", Type: "app", Size: 50, Distinct: 50, Chunks: 1, Files: 1, Current: true, Created: time.Now()}}}}
	for i := range locations {
		l := topology.Location{Name: fmt.Sprintf("shop-%04d", i), Region: []string{"north", "south"}[i%2], Down: 20e6, Up: 5e6}
		w.known.Topology.Locations = append(w.known.Topology.Locations, l)
	}
	w.moves(400)
	w.orderly = newOrderly(t, w.clock)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.server, err = Open(Options{Fleet: w, Listener: l, Version: "test", Clock: w.clock, Names: []string{"console.example.org"}, Tick: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.server.Serve() }()
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now()
}

func (w *world) now() time.Time { return time.Now().Add(w.late) }

func (w *world) passes(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late += d
}

// moves lets the host in berlin report that it has so many bytes of the image; its neighbour waits, and one in oslo has all.
func (w *world) moves(have int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	flow := pulse.Flow{ID: "f1", Content: image, State: "fetching", Reason: "fetching", Have: have, Size: 1000, Rate: 8000, Priority: 5}
	w.reports("berlin", peerA, fleet.SyncRequest{Instance: peerA, Lan: "10.1.2.3:8733", Pulse: &pulse.Pulse{Flows: []pulse.Flow{flow}},
		Holdings: []fleet.Holding{{Content: image, Chunks: 2}},
		Ways:     []pulse.Way{{To: "oslo", Queue: 12, Harm: &pulse.Harm{Verdict: "none found", Added: 0.4, Low: -0.5, High: 1.2}}}})
	waits := pulse.Flow{ID: "f2", Content: image, State: "fetching", Reason: "left-to-neighbour", Size: 1000}
	w.reports("berlin", peerB, fleet.SyncRequest{Instance: peerB, Pulse: &pulse.Pulse{Flows: []pulse.Flow{waits}, Refuses: "battery"}})
	w.reports("oslo", "00000000000000cc", fleet.SyncRequest{Instance: "cc", Holdings: []fleet.Holding{{Content: image, Chunks: 4, Complete: true}}})
	e := ledger.Entry{Key: ledger.Key{Content: image, From: "hub", To: "berlin", Class: ledger.Origin}, Counts: ledger.Counts{Received: have, Verified: have}}
	w.known.Totals.Reported(ledger.Counts{}, e)
	w.board.Moved(w.now(), peerA, map[ledger.Class]int64{ledger.Origin: have})
}

// reports lets the hub hear of a host. The caller holds mu.
func (w *world) reports(location, peer string, r fleet.SyncRequest) {
	id := fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleAgent, Location: location, Peer: peer}
	w.known.Directory.Announced(w.now(), id, r)
	w.board.Heard(w.now(), id, r)
}

func (w *world) look() (time.Time, board.World, *board.Census) {
	return w.now(), w.known, w.board.Census(w.now(), w.known)
}

func (w *world) Census() *board.Census {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _, c := w.look()
	return c
}

func (w *world) History(location string) board.History {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.board.History(w.now(), location)
}

func (w *world) Location(name string) (*board.LocationPage, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, k, c := w.look()
	return w.board.Location(k, c, name)
}

func (w *world) Content(ref string) (*board.ContentPage, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, k, c := w.look()
	return w.board.Content(k, c, ref)
}

func (w *world) Peer(name string) (*board.PeerPage, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.board.Peer(w.now(), w.known, name)
}

func (w *world) FindPeers(prefix string, most int) ([]board.Found, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.board.Find(prefix, most)
}

// link makes a link for a role.
func (w *world) link(role gate.Role) string {
	w.Helper()
	l, err := w.server.NewLink("ada", role)
	if err != nil {
		w.Fatal(err)
	}
	return l.URL
}

// somebody is a client that has signed in; Nobody has not.
func (w *world) somebody(role gate.Role) *http.Client {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	t := &http.Transport{}
	w.Cleanup(t.CloseIdleConnections)
	c := &http.Client{Jar: jar, Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if role == gate.Nobody {
		return c
	}
	u, err := url.Parse(w.link(role))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := c.PostForm(w.server.URL()+"login", url.Values{"link": {u.Query().Get("link")}})
	if err != nil {
		w.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		w.Fatalf("signing in: %s", resp.Status)
	}
	return c
}

// asks sends a request and returns the answer with its body.
func (w *world) asks(c *http.Client, method, path, body string, change ...func(*http.Request)) (*http.Response, string) {
	w.Helper()
	req, err := http.NewRequest(method, strings.TrimSuffix(w.server.URL(), "/")+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range change {
		f(req)
	}
	resp, err := c.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp, string(b)
}

// refused is a request that must be answered with a problem.
func (w *world) refused(c *http.Client, status int, method, path, body string, change ...func(*http.Request)) {
	w.Helper()
	resp, text := w.asks(c, method, path, body, change...)
	var p api.Problem
	if resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(text), &p) != nil || p.Title == "" ||
		p.Status != status || p.Code == "" {
		w.Errorf("%s %s: %s, %s", method, path, resp.Status, text)
	}
}

// get decodes an answer of the API.
func get[T any](w *world, c *http.Client, path string) (v T) {
	w.Helper()
	resp, text := w.asks(c, "GET", path, "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		w.Fatalf("%s: %s, %s", path, resp.Status, text)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		w.Fatal(err)
	}
	return v
}
