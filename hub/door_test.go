// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
)

// handshake is one through a door, as the hub sees it.
func (d *door) handshake(t *testing.T, w *world, asker *tls.Config) (begun chan struct{}, ended chan error) {
	t.Helper()
	begun, ended = make(chan struct{}), make(chan error, 1)
	guarded := d.guard(&tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: w.hub.certificate})
	inner := guarded.GetConfigForClient
	guarded.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		close(begun)
		return inner(hello)
	}
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	asker.ServerName, asker.RootCAs = fleet.HubName, w.hub.self().Roots
	go func() { _ = tls.Client(there, asker).Handshake() }()
	go func() { ended <- tls.Server(here, guarded).Handshake() }()
	return begun, ended
}

// Who comes while others have their turn waits for his, and not for longer than he would be there.
func TestHandshakesTakeTurns(t *testing.T) {
	w := newWorld(t)
	d := &door{turns: make(chan struct{}, 1), wait: time.Hour}
	d.turns <- struct{}{} // somebody else's
	begun, ended := d.handshake(t, w, &tls.Config{})
	<-begun
	select {
	case err := <-ended:
		t.Fatal("not waited for a turn:", err)
	case <-d.turns: // the other is done
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	d.wait = 0
	d.turns <- struct{}{} // nobody is there any more, or this would wait for good
	if _, ended = d.handshake(t, w, &tls.Config{}); !errors.Is(<-ended, errBusy) {
		t.Error("waited for a turn longer than was allowed")
	}
}

// A handshake that breaks off ends its turn.
func TestBrokenHandshakesKeepNoTurn(t *testing.T) {
	w := newWorld(t)
	d := &door{turns: make(chan struct{}, 1), wait: time.Hour}
	for range 3 {
		if _, ended := d.handshake(t, w, &tls.Config{MaxVersion: tls.VersionTLS12}); <-ended == nil {
			t.Fatal("spoke TLS 1.2")
		}
	}
}

// A host closes a connection that it needs no more before the hub does, which would meet its next question.
func TestTheHubHangsUpLast(t *testing.T) {
	if idle := newWorld(t).hub.http.IdleTimeout; idle <= fleet.IdleAsker {
		t.Errorf("the hub hangs up after %v, hosts after %v", idle, fleet.IdleAsker)
	}
}

// Of the files that a process may open most are left: for the store, for one connection of each host to the bus, and for those on their way in.
func TestConnectionsKeptLeaveFiles(t *testing.T) {
	for files, want := range map[uint64]int64{0: 4096, 1: 0, 64: 12, 256: 48, 1024: 192, 4096: 768, 20000: 4744, 65536: 16128, 1 << 20: 32768, math.MaxUint64: 32768} {
		got := kept(files)
		if got != want {
			t.Errorf("of %d files %d connections are kept, want %d", files, got, want)
		}
		if own := min(files/4, ownFiles); files > 0 && uint64(got)*4 > files-own {
			t.Errorf("of %d files %d are left", files, files-uint64(got))
		}
	}
}

// With more connections than are kept, who asks is answered and comes anew for his next question; otherwise he stays.
func TestSoManyConnectionsAreKept(t *testing.T) {
	said := 0
	k := &keeper{most: 1, crowded: func() { said++ }}
	for _, x := range []struct {
		open  int
		path  string
		keeps bool
	}{{1, "/v1/sync", true}, {2, "/v1/sync", false}, {3, "/v1/copies", false}, {4, bus.Path, true}, {5, pathLetters, true}} {
		k.changed(nil, http.StateNew)
		w := httptest.NewRecorder()
		k.keep(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("POST", x.path, nil))
		if keeps := w.Header().Get("Connection") == ""; int(k.open.Load()) != x.open || keeps != x.keeps || w.Code != 404 {
			t.Errorf("connection %d of %d, %s: kept %v, answered %d", x.open, k.open.Load(), x.path, keeps, w.Code)
		}
	}
	if said != 2 {
		t.Errorf("of 2 connections that are not kept %d were told", said)
	}
	k.changed(nil, http.StateActive)
	k.changed(nil, http.StateHijacked)
	k.changed(nil, http.StateIdle)
	k.changed(nil, http.StateClosed)
	if n := k.open.Load(); n != 3 {
		t.Errorf("of 5 connections 2 have ended, and %d are open", n)
	}
}
