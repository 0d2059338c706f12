// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
)

// A host enrols, has all it needs on its disk, and is let in.
func TestEnrol(t *testing.T) {
	w := newWorld(t)
	token := w.token("24h", "berlin")
	n, err := w.enroll(token, "berlin")
	w.must(err)
	saved, err := node.Load(n.Dir)
	w.must(err)
	if saved.Identity != n.Identity || saved.Identity.Role != fleet.RoleAgent || saved.Identity.Location != "berlin" ||
		saved.HubAddr != w.addr.String() || saved.Hub.Peer != w.hub.self().Identity.Peer || saved.Hub.Lan != w.addr.String() {
		t.Errorf("%+v", saved)
	}
	if len(saved.Publishers) != 1 || !saved.Publishers[0].Equal(w.publisher().Public()) {
		t.Errorf("pinned: %v", saved.Publishers)
	}
	leaf := saved.Certificate.Leaf
	if now := time.Now(); leaf.NotBefore.After(now.Add(-skew+time.Minute)) || leaf.NotAfter.After(now.Add(hostLife)) || leaf.IsCA ||
		saved.Identity.Peer != fleet.PeerName(leaf.RawSubjectPublicKeyInfo) {
		t.Errorf("a certificate from %s to %s for %s", leaf.NotBefore, leaf.NotAfter, saved.Identity)
	}
	if _, err := sync1(w.client(saved), fleet.SyncRequest{}); err != nil {
		t.Error(err)
	}
	secret := strings.Split(token, "-")[1]
	if strings.Contains(w.log.String(), secret) || !strings.Contains(w.log.String(), "let in") {
		t.Errorf("the log: %s", &w.log)
	}
}

func TestTokensThatLetNobodyIn(t *testing.T) {
	w := newWorld(t)
	good := w.token("1h", "berlin")
	parsed, err := fleet.ParseToken(good)
	w.must(err)
	parsed.Secret[0]++
	used := w.token("1h", "")
	_, err = w.enroll(used, "berlin")
	w.must(err)
	for _, x := range []struct {
		what, token, location string
		want                  error
	}{
		{"no token", "hello", "berlin", client.ErrTokenUnknown},
		{"another secret", parsed.String(), "berlin", client.ErrTokenUnknown},
		{"used", used, "berlin", client.ErrTokenUsed},
		{"for another location", good, "oslo", client.ErrDenied},
		{"no location", good, "no where", fleet.ErrLocation},
	} {
		if _, err := w.enroll(x.token, x.location); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.what, err, x.want)
		}
	}
	w.setLate(2 * time.Hour)
	if _, err := w.enroll(good, "berlin"); !errors.Is(err, client.ErrTokenExpired) {
		t.Errorf("expired: %v", err)
	}
	w.setLate(0) // none of it has used the token up
	if _, err := w.enroll(good, "berlin"); err != nil {
		t.Error(err)
	}
}

func TestTokenRequests(t *testing.T) {
	w := newWorld(t)
	for _, ask := range []map[string]string{{"ttl": ""}, {"ttl": "1d"}, {"ttl": "-1h"}, {"ttl": "0"}, {"ttl": "721h"}, {"ttl": "1h", "location": "No"},
		{"ttl": "1h", "place": "x"}} {
		if err := w.operator("POST", "tokens", ask, nil); code(err) != "bad-request" {
			t.Errorf("%v: %v", ask, err)
		}
	}
}

// A hub whose CA is not the one in the token is told nothing, not even the token.
func TestEnrolAtAForeignHub(t *testing.T) {
	w, foreign := newWorld(t), newWorld(t)
	token := w.token("1h", "")
	if _, err := foreign.enroll(token, "berlin"); !errors.Is(err, client.ErrForeign) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if log := foreign.log.String(); log != "" {
		t.Errorf("the foreign hub heard: %s", log)
	}
	if _, err := w.enroll(token, "berlin"); err != nil {
		t.Error(err)
	}
}

func TestEnrolAgain(t *testing.T) {
	w := newWorld(t)
	n, _ := w.host("berlin")
	e := client.Enrollment{Hub: w.addr.String(), Token: w.token("1h", ""), Location: "oslo", State: n.Dir}
	if _, err := client.Enroll(context.Background(), e); !errors.Is(err, node.ErrEnrolled) || !strings.Contains(err.Error(), "--again") {
		t.Fatalf("%v", err)
	}
	e.Again = true
	again, err := client.Enroll(context.Background(), e)
	w.must(err)
	saved, err := node.Load(n.Dir)
	w.must(err)
	if saved.Identity != again.Identity || saved.Identity.Location != "oslo" || saved.Identity.Peer == n.Identity.Peer {
		t.Errorf("%v", saved.Identity)
	}
	e.State, e.Token = w.state, w.token("1h", "")
	if _, err := client.Enroll(context.Background(), e); !errors.Is(err, node.ErrEnrolled) {
		t.Errorf("over the hub itself: %v", err)
	}
}

// A state directory that cannot be written to costs no token.
func TestEnrolWhereNothingCanBeWritten(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "file")
	w.must(os.WriteFile(file, nil, 0o600))
	token := w.token("1h", "")
	e := client.Enrollment{Hub: w.addr.String(), Token: token, Location: "oslo", State: filepath.Join(file, "state")}
	if _, err := client.Enroll(context.Background(), e); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if _, err := w.enroll(token, "oslo"); err != nil {
		t.Error(err)
	}
}

// Ten hosts run for one token.
func TestConcurrentRedemption(t *testing.T) {
	w := newWorld(t)
	token := w.token("1h", "")
	const hosts = 10
	errs := make([]error, hosts)
	var wg sync.WaitGroup
	for i := range hosts {
		dir := t.TempDir()
		wg.Go(func() {
			_, errs[i] = client.Enroll(context.Background(), client.Enrollment{Hub: w.addr.String(), Token: token, Location: "oslo", State: dir})
		})
	}
	wg.Wait()
	in := 0
	for _, err := range errs {
		if err == nil {
			in++
		} else if !errors.Is(err, client.ErrTokenUsed) {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("%d hosts were let in", in)
	}
}

// Power fails the moment a certificate arrives: the token stays used, and one not used stays good.
func TestUsedTokenSurvivesPowerCut(t *testing.T) {
	w := newWorld(t)
	used, good := w.token("1h", ""), w.token("1h", "oslo")
	_, err := w.enroll(used, "oslo")
	w.must(err)
	w.cutPower()
	if _, err := w.enroll(used, "oslo"); !errors.Is(err, client.ErrTokenUsed) {
		t.Errorf("after a power cut: %v", err)
	}
	if _, err := w.enroll(good, "rome"); !errors.Is(err, client.ErrDenied) {
		t.Errorf("its location is forgotten: %v", err)
	}
	if _, err := w.enroll(good, "oslo"); err != nil {
		t.Error(err)
	}
	w.restart()
	if _, err := w.enroll(good, "oslo"); !errors.Is(err, client.ErrTokenUsed) {
		t.Errorf("after a restart: %v", err)
	}
}

// The hub's disk is full: nobody is let in, no token is lost, and the host hears nothing of the hub's insides.
func TestFullDiskCostsNoToken(t *testing.T) {
	w := newWorld(t)
	token := w.token("1h", "")
	set := w.fillable()
	set(true)
	_, err := w.enroll(token, "oslo")
	set(false)
	if err == nil || !strings.Contains(err.Error(), "disk is full") || strings.Contains(err.Error(), "store") {
		t.Errorf("%v", err)
	}
	if _, err := w.enroll(token, "oslo"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if _, err := w.enroll(token, "oslo"); !errors.Is(err, client.ErrTokenUsed) {
		t.Errorf("twice: %v", err)
	}
}

// Old tokens do not pile up.
func TestOldTokensAreDropped(t *testing.T) {
	w := newWorld(t)
	count := func() (n int) {
		w.must(w.hub.o.Store.Scan(keyToken, func(string, []byte) bool { n++; return true }))
		return n
	}
	w.token("1h", "")
	w.setLate(40 * 24 * time.Hour)
	w.token("1h", "")
	if n := count(); n != 1 {
		t.Errorf("%d tokens are kept", n)
	}
	w.restart()
	if n := count(); n != 1 {
		t.Errorf("%d tokens after a restart", n)
	}
	w.setLate(0)
}

func TestHubNotReachable(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("oslo")
	token := w.token("1h", "")
	w.stop()
	_, err := sync1(c, fleet.SyncRequest{})
	_, enrolErr := w.enroll(token, "oslo")
	for _, err := range []error{err, enrolErr} {
		if !errors.Is(err, client.ErrUnreachable) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), n.HubAddr) {
			t.Errorf("%v", err)
		}
	}
	// It comes back, and the same client finds it.
	w.start()
	if _, err := sync1(c, fleet.SyncRequest{}); err != nil {
		t.Error(err)
	}
}

func TestInitContinuesAndRefuses(t *testing.T) {
	w := newWorld(t)
	agent, _ := w.host("oslo")
	start := func(dir string) error {
		_, err := Init(dir, w.addr, w.clock(), slog.New(slog.DiscardHandler))
		return err
	}
	w.must(start(w.state)) // again changes nothing
	if w.hub.self().Identity != mustLoad(t, w.state).Identity {
		t.Error("another identity")
	}
	if err := start(agent.Dir); !errors.Is(err, node.ErrEnrolled) {
		t.Errorf("in an agent's directory: %v", err)
	}

	// A crash after the CA was made: the fleet is the one that was begun.
	dir := t.TempDir()
	ca, err := newCA(dir, w.clock())
	w.must(err)
	w.must(start(dir))
	if got := mustLoad(t, dir).Identity.Fleet; got != ca.fleetName() {
		t.Errorf("fleet %s, want %s", got, ca.fleetName())
	}

	// A publisher's secret that was moved elsewhere is not made anew.
	w.must(os.Remove(filepath.Join(dir, publisherFile)))
	w.must(start(dir))
	if _, err := os.Stat(filepath.Join(dir, publisherFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another publisher: %v", err)
	}

	// A CA that is lost is not replaced, and one that is damaged is named.
	path := filepath.Join(dir, caFile)
	b, err := os.ReadFile(path)
	w.must(err)
	w.must(os.Remove(path))
	if err := start(dir); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("without its CA: %v", err)
	}
	w.must(os.WriteFile(path, b[:len(b)/2], 0o600))
	if err := start(dir); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("with half a CA: %v", err)
	}
}

func mustLoad(t *testing.T, dir string) *node.Node {
	t.Helper()
	n, err := node.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The hub's own certificate is renewed while it runs, and when it starts.
func TestHubRenewsItself(t *testing.T) {
	w := newWorld(t)
	until := func() time.Time {
		c, err := w.hub.certificate(nil)
		w.must(err)
		if saved := mustLoad(t, w.state); !saved.Certificate.Leaf.Equal(c.Leaf) {
			t.Error("shown and not saved")
		}
		return c.Leaf.NotAfter
	}
	first := until()
	if !until().Equal(first) {
		t.Error("renewed at once")
	}
	w.setLate(61 * 24 * time.Hour)
	second := until()
	if !second.After(first.Add(60 * 24 * time.Hour)) {
		t.Errorf("from %s to %s", first, second)
	}
	w.setLate(122 * 24 * time.Hour)
	w.restart()
	if third := until(); !third.After(second.Add(60 * 24 * time.Hour)) {
		t.Errorf("from %s to %s", second, third)
	}
}

// Close frees the port even if Serve was never called.
func TestCloseWithoutServe(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	o := w.hub.o
	o.Listener = l
	s, err := Open(o)
	w.must(err)
	w.must(s.Close())
	again, err := net.Listen("tcp", l.Addr().String())
	w.must(err)
	w.must(again.Close())
}

func TestOnlyECDSAOnP256(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := request(der); (err == nil) != (curve == elliptic.P256()) {
			t.Errorf("%s: %v", curve.Params().Name, err)
		}
		der[len(der)-1] ^= 1
		if _, err := request(der); err == nil {
			t.Error("a broken signature")
		}
	}
	if _, err := request(nil); err == nil {
		t.Error(fmt.Sprint("nothing at all: ", err))
	}
}
