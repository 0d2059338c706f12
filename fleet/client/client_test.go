// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// liar is a hub whose certificate is good and whose answers need not be. What an honest one says is tested with it, in
// package hub.
type liar struct {
	*testing.T
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	addr    string
	from    time.Time // its certificate is good for a day from here
	answers func(w http.ResponseWriter, r *http.Request)
	heard   atomic.Int32
	busy    atomic.Int32 // so many handshakes it has no time for
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newLiar(t *testing.T, from time.Time) *liar {
	l := &liar{T: t, caKey: newKey(t), from: from}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-100 * 24 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	l.ca = l.sign(template, template, l.caKey)
	key := newKey(t)
	leaf := l.issue(key, fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleHub, Location: "hub", Peer: "0123456789abcdef"})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.heard.Add(1)
		l.answers(w, r)
	}))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, l.ca.Raw}, PrivateKey: key}},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if l.busy.Load() > 0 {
				l.busy.Add(-1)
				return nil, errors.New("busy")
			}
			return nil, nil
		}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	l.addr = s.Listener.Addr().String()
	return l
}

func (l *liar) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	l.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, l.caKey)
	if err != nil {
		l.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		l.Fatal(err)
	}
	return c
}

func (l *liar) issue(key *ecdsa.PrivateKey, id fleet.Identity) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: l.from, NotAfter: l.from.Add(24 * time.Hour), URIs: []*url.URL{id.URI()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if id.Role == fleet.RoleHub {
		template.DNSNames = []string{fleet.HubName}
	}
	return l.sign(template, l.ca, key)
}

func (l *liar) token() string { return fleet.Token{CA: sha256.Sum256(l.ca.Raw)}.String() }

func (l *liar) say(v any) {
	l.answers = func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
}

var member = fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleAgent, Location: "oslo", Peer: "fedcba9876543210"}

// enrolled is a host that the liar has let in, and its client.
func (l *liar) enrolled() (*node.Node, *Client) {
	l.Helper()
	key := newKey(l.T)
	n := &node.Node{Dir: l.TempDir(), CA: l.ca, HubAddr: l.addr,
		Certificate: tls.Certificate{Certificate: [][]byte{l.issue(key, member).Raw}, PrivateKey: key}}
	if err := n.Save(); err != nil {
		l.Fatal(err)
	}
	c, err := New(n)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(c.Close)
	return n, c
}

func hour(n time.Duration) time.Time { return time.Now().Add(n * time.Hour) }

// A hub that answers an enrolment with somebody else's certificate has let nobody in.
func TestEnrolmentRepliesThatAreNotBelieved(t *testing.T) {
	l, other := newLiar(t, hour(-1)), newLiar(t, hour(-1))
	good := func(id fleet.Identity) func(*ecdsa.PrivateKey) fleet.EnrollReply {
		return func(key *ecdsa.PrivateKey) fleet.EnrollReply {
			return fleet.EnrollReply{Certificate: l.issue(key, id).Raw, CA: l.ca.Raw}
		}
	}
	elsewhere, boss := member, member
	elsewhere.Location, boss.Role = "rome", fleet.RoleHub
	for what, x := range map[string]struct {
		reply   func(*ecdsa.PrivateKey) fleet.EnrollReply
		foreign bool
	}{
		"nothing":   {func(*ecdsa.PrivateKey) fleet.EnrollReply { return fleet.EnrollReply{} }, true},
		"other CA":  {func(k *ecdsa.PrivateKey) fleet.EnrollReply { r := good(member)(k); r.CA = other.ca.Raw; return r }, true},
		"other key": {func(*ecdsa.PrivateKey) fleet.EnrollReply { return good(member)(newKey(t)) }, true},
		"not signed": {func(k *ecdsa.PrivateKey) fleet.EnrollReply {
			r := good(member)(k)
			r.Certificate = other.issue(k, member).Raw
			return r
		}, true},
		"elsewhere": {good(elsewhere), true},
		"a hub":     {good(boss), true},
		"a garbled key": {func(k *ecdsa.PrivateKey) fleet.EnrollReply {
			r := good(member)(k)
			r.Publishers = []string{"x"}
			return r
		}, false},
	} {
		l.answers = func(w http.ResponseWriter, r *http.Request) {
			var q fleet.EnrollRequest
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
				t.Error(err)
			}
			csr, err := x509.ParseCertificateRequest(q.CSR)
			if err != nil {
				t.Error(err)
			}
			// The liar needs no private key to issue for it.
			_ = json.NewEncoder(w).Encode(x.reply(&ecdsa.PrivateKey{PublicKey: *csr.PublicKey.(*ecdsa.PublicKey)}))
		}
		dir := t.TempDir()
		n, err := Enroll(context.Background(), Enrollment{Hub: l.addr, Token: l.token(), Location: "oslo", State: dir})
		if err == nil || n != nil || errors.Is(err, ErrForeign) != x.foreign || node.Exists(dir) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A hub whose certificate is out of date is told nothing, and the clocks are named.
func TestHubOutOfDate(t *testing.T) {
	for what, from := range map[string]time.Time{"expired": hour(-48), "not valid yet": hour(24)} {
		l := newLiar(t, from)
		_, c := l.enrolled()
		_, err := c.Sync(context.Background(), fleet.SyncRequest{})
		_, enrolErr := Enroll(context.Background(), Enrollment{Hub: l.addr, Token: l.token(), Location: "oslo", State: t.TempDir()})
		for _, err := range []error{err, enrolErr} {
			if !errors.Is(err, ErrExpired) || errors.Is(err, ErrForeign) || errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "clocks") ||
				strings.Contains(err.Error(), "behind the hub's") != (what == "not valid yet") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if l.heard.Load() > 0 {
			t.Errorf("%s: it was asked", what)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	l := newLiar(t, hour(-1))
	n, c := l.enrolled()
	ctx := context.Background()
	refuse := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for what, x := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   error
		says   string
	}{
		"no JSON":         {refuse(200, "<html>"), nil, "/v1/sync"},
		"half":            {refuse(200, `{"peers":[{"peer":`), nil, "/v1/sync"},
		"bare error":      {refuse(502, "<html>"), nil, "502"},
		"empty problem":   {refuse(500, "{}"), nil, "500"},
		"endless problem": {refuse(500, `{"title":"`+strings.Repeat("x", 2*maxProblem)), nil, "500"},
		"unknown code":    {refuse(418, `{"title":"teapot","code":"tea"}`), nil, "teapot"},
		"denied":          {refuse(403, `{"title":"go away","code":"denied"}`), ErrDenied, "go away"},
		"too long":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), maxDocument+1)) }, nil, "longer than"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("{"))
		}, ErrUnreachable, "EOF"},
		"sent elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.invalid/", http.StatusFound)
		}, nil, "302"},
		"another CA anew":  {nil, ErrForeign, "certificate"},
		"renewed as a hub": {nil, ErrForeign, "hub"},
	} {
		var err error
		switch l.answers = x.answer; what {
		case "another CA anew":
			other := newLiar(t, hour(-1))
			l.say(fleet.EnrollReply{Certificate: other.issue(n.Certificate.PrivateKey.(*ecdsa.PrivateKey), member).Raw, CA: other.ca.Raw})
			_, err = c.Renew(ctx)
		case "renewed as a hub":
			id := member
			id.Role = fleet.RoleHub
			l.say(fleet.EnrollReply{Certificate: l.issue(n.Certificate.PrivateKey.(*ecdsa.PrivateKey), id).Raw, CA: l.ca.Raw})
			_, err = c.Renew(ctx)
		default:
			var r fleet.SyncReply
			if r, err = c.Sync(ctx, fleet.SyncRequest{}); len(r.Peers) > 0 {
				t.Errorf("%s: half an answer: %+v", what, r)
			}
		}
		if err == nil || x.want != nil && !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if again, err := node.Load(n.Dir); err != nil || !again.Certificate.Leaf.Equal(n.Certificate.Leaf) || c.Node() != n {
		t.Errorf("a bad renewal was kept: %v", err)
	}
}

func TestAddressesThatLeadNowhere(t *testing.T) {
	l := newLiar(t, hour(-1))
	n, _ := l.enrolled()
	for _, addr := range []string{"", "hub", "hub.example", "[::1", "a b:1", "x/y:1", "127.0.0.1:99999"} {
		m := *n
		m.HubAddr = addr
		c, err := New(&m)
		if err == nil {
			_, err = c.Sync(context.Background(), fleet.SyncRequest{Lan: "[::]:1"})
			c.Close()
		}
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// Something listens there that is no hub: it speaks no TLS, or says nothing at all.
func TestNotAHub(t *testing.T) {
	l := newLiar(t, hour(-1))
	n, _ := l.enrolled()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, addr := range []string{plain.Listener.Addr().String(), silent.Addr().String()} {
		m := *n
		m.HubAddr = addr
		c, err := New(&m)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if _, err := c.Sync(ctx, fleet.SyncRequest{}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%v", err)
		}
		cancel()
		if _, err := c.Sync(ctx, fleet.SyncRequest{}); err == nil {
			t.Error("asked after the end")
		}
		c.Close()
	}
}

// Who gives up is not told that the hub is not there.
func TestGivingUp(t *testing.T) {
	l := newLiar(t, hour(-1))
	_, c := l.enrolled()
	ctx, cancel := context.WithCancel(context.Background())
	l.answers = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the asker has gone
		cancel()
		<-r.Context().Done()
	}
	if _, err := c.Sync(ctx, fleet.SyncRequest{}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

// A host never says more than the hub takes, and asks nothing that cannot be a name.
func TestQuestionsAreBounded(t *testing.T) {
	l := newLiar(t, hour(-1))
	_, c := l.enrolled()
	l.answers = func(w http.ResponseWriter, r *http.Request) {
		var q fleet.SyncRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || len(q.Holdings) != fleet.MaxHoldings || len(q.Wanted) != fleet.MaxWanted {
			t.Errorf("%d holdings, %d wishes, %v", len(q.Holdings), len(q.Wanted), err)
		}
		_ = json.NewEncoder(w).Encode(fleet.SyncReply{})
	}
	r := fleet.SyncRequest{Holdings: make([]fleet.Holding, fleet.MaxHoldings+1), Wanted: make([]content.ID, fleet.MaxWanted+1)}
	if _, err := c.Sync(context.Background(), r); err != nil {
		t.Error(err)
	}
	l.heard.Store(0)
	for _, ref := range []string{"", "..", "a/b", "a?b", "a#b", "%2e%2e", "\x00", "NOT\nA\nNAME"} {
		if _, err := c.Content(context.Background(), ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", ref, err)
		}
	}
	if l.heard.Load() > 0 {
		t.Error("the hub was asked")
	}
}

func TestAllAddressesMeansTheOneInUse(t *testing.T) {
	l := newLiar(t, hour(-1))
	_, c := l.enrolled()
	hub := netip.MustParseAddrPort(l.addr)
	for text, want := range map[string]string{"[::]:7": netip.AddrPortFrom(hub.Addr(), 7).String(), "0.0.0.0:7": netip.AddrPortFrom(hub.Addr(), 7).String(),
		"10.0.0.1:7": "10.0.0.1:7", "": "", "x": "x"} {
		for _, end := range []func(net.Conn) net.Addr{net.Conn.LocalAddr, net.Conn.RemoteAddr} {
			if got := c.located(context.Background(), text, end); got != want {
				t.Errorf("%q is %q, want %q", text, got, want)
			}
		}
	}
}

// A hub that has no time for a handshake is asked again: the token was not said, and is still good. One that has heard it, and what is no hub
// or not there, is not.
func TestABusyHubIsAskedAgain(t *testing.T) {
	l := newLiar(t, hour(-1))
	l.say(map[string]string{})
	var met atomic.Int32
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			met.Add(1)
		}
	}
	plain.Start()
	defer plain.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	ask := func(addr string) error {
		_, err := Enroll(context.Background(), Enrollment{Hub: addr, Token: l.token(), Location: "oslo", State: t.TempDir()})
		return err
	}
	l.busy.Store(3)
	if err := ask(l.addr); !errors.Is(err, ErrForeign) || l.heard.Load() != 1 || l.busy.Load() != 0 {
		t.Errorf("heard %d times, and it is busy for %d more: %v", l.heard.Load(), l.busy.Load(), err)
	}
	l.answers = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	if err := ask(l.addr); !errors.Is(err, ErrUnreachable) || l.heard.Load() != 2 {
		t.Errorf("heard %d times in all: %v", l.heard.Load(), err)
	}
	for _, addr := range []string{plain.Listener.Addr().String(), gone.Listener.Addr().String()} {
		if err := ask(addr); !errors.Is(err, ErrUnreachable) || met.Load() != 1 {
			t.Errorf("what speaks no TLS was asked %d times: %v", met.Load(), err)
		}
	}
}

// What a host asks the hub every minute, give or take a fifth, needs no new connection.
func TestConnectionsOutlastThePause(t *testing.T) {
	l := newLiar(t, hour(-1))
	_, c := l.enrolled()
	if idle := c.http.Transport.(*http.Transport).IdleConnTimeout; idle <= fleet.CopiesEvery*6/5 {
		t.Errorf("a connection is closed after %v, before it is used again", idle)
	}
}
