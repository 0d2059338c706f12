// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/topology"
)

func peers(r fleet.SyncReply) string {
	var s []string
	for _, m := range r.Peers {
		s = append(s, m.Location+" "+m.Lan+" "+m.Wan)
	}
	return strings.Join(s, ", ")
}

// Hosts find one another through the hub.
func TestHostsFindOneAnother(t *testing.T) {
	w := newWorld(t)
	_, berlin := w.host("berlin")
	neighbour, berlin2 := w.host("berlin")
	_, oslo := w.host("oslo")
	id := content.Sum([]byte("x"))
	hear := func(c *client.Client, r fleet.SyncRequest, want string) {
		t.Helper()
		reply, err := sync1(c, r)
		if err != nil || peers(reply) != want || reply.Hub.Wan != w.addr.String() {
			t.Errorf("%q at hub %v, %v; want %q", peers(reply), reply.Hub, err, want)
		}
	}
	hear(berlin, fleet.SyncRequest{Lan: "10.0.0.1:5"}, "")
	w.observed = map[string]netip.AddrPort{neighbour.Identity.Peer: netip.MustParseAddrPort("198.51.100.2:7")}
	w.setLate(observeEvery)
	hear(berlin2, fleet.SyncRequest{Lan: "10.0.0.2:5"}, "berlin 10.0.0.1:5 ")
	hear(oslo, fleet.SyncRequest{Lan: "10.9.0.1:5", Holdings: []fleet.Holding{{Content: id, Chunks: 1}}}, "")
	hear(berlin, fleet.SyncRequest{Lan: "10.0.0.1:5", Wanted: []content.ID{id}}, "berlin 10.0.0.2:5 198.51.100.2:7, oslo 10.9.0.1:5 ")

	var doc struct{ Members []fleet.Member }
	w.must(w.operator("GET", "members", nil, &doc))
	if len(doc.Members) != 3 {
		t.Errorf("%v", doc.Members)
	}
	w.setLate(observeEvery + fleet.SilentAfter)
	hear(berlin, fleet.SyncRequest{Wanted: []content.ID{id}}, "")

	// After a restart the hub knows nobody, until they report.
	w.restart()
	rec := httptest.NewRecorder()
	w.local.ServeHTTP(rec, httptest.NewRequest("GET", "/api/v1/members", nil))
	if got := strings.TrimSpace(rec.Body.String()); got != `{"members":[],"seen_bits_per_second":{}}` {
		t.Error(got)
	}
}

// A host that listens on all its addresses is told to others at the one by which it reaches the hub.
func TestAllAddresses(t *testing.T) {
	w := newWorld(t)
	_, a := w.host("berlin")
	_, b := w.host("berlin")
	for _, lan := range []string{"[::]:99", "0.0.0.0:99"} {
		if _, err := sync1(a, fleet.SyncRequest{Lan: lan}); err != nil {
			t.Fatal(err)
		}
		if r, err := sync1(b, fleet.SyncRequest{}); err != nil || peers(r) != "berlin 127.0.0.1:99 " {
			t.Errorf("%s is told as %q, %v", lan, peers(r), err)
		}
	}
	everywhere := netip.AddrPortFrom(netip.IPv6Unspecified(), w.addr.Port())
	w.stop()
	w.start()
	w.hub.mu.Lock()
	fresh := *w.hub.node
	fresh.Hub.Lan, fresh.Hub.Wan = everywhere.String(), everywhere.String()
	w.hub.node, w.hub.directory = &fresh, fleet.NewDirectory(fresh.Hub)
	w.hub.mu.Unlock()
	r, err := sync1(a, fleet.SyncRequest{})
	if err != nil || r.Hub.Lan != w.addr.String() || r.Hub.Wan != w.addr.String() {
		t.Errorf("the hub is told as %v, %v", r.Hub, err)
	}
	if n, _ := w.host("oslo"); n.Hub.Wan != w.addr.String() {
		t.Errorf("the hub is kept as %v", n.Hub)
	}
}

// with is a host whose certificate has been made by ca at that time.
func with(t *testing.T, n *node.Node, ca *authority, at time.Time) *node.Node {
	t.Helper()
	der, err := ca.issue(n.Certificate.Leaf.PublicKey, n.Identity, false, at)
	if err != nil {
		t.Fatal(err)
	}
	m := *n
	m.Certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: n.Certificate.PrivateKey}
	if m.Certificate.Leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &m
}

// Every question says in words that the certificate is no good; no answer leaks.
func TestBadCertificates(t *testing.T) {
	w := newWorld(t)
	n, _ := w.host("oslo")
	foreign, err := newCA(t.TempDir(), w.clock())
	w.must(err)
	ask := map[string]func(*client.Client) error{
		"sync":    func(c *client.Client) error { _, err := sync1(c, fleet.SyncRequest{}); return err },
		"content": func(c *client.Client) error { _, err := c.Content(context.Background(), "x"); return err },
		"renew":   func(c *client.Client) error { _, err := c.Renew(context.Background()); return err },
		// So much that the hub has not read all of it when it answers.
		"much": func(c *client.Client) error {
			_, err := sync1(c, fleet.SyncRequest{Holdings: make([]fleet.Holding, fleet.MaxHoldings)})
			return err
		},
	}
	none := *n
	none.Certificate = tls.Certificate{}
	for what, q := range ask {
		if err := q(w.client(with(t, n, foreign, w.clock()))); !errors.Is(err, client.ErrDenied) || errors.Is(err, client.ErrExpired) ||
			!strings.Contains(err.Error(), "another fleet") {
			t.Errorf("%s with a foreign certificate: %v", what, err)
		}
		for _, at := range []time.Duration{-hostLife - time.Hour, skew + time.Hour} {
			if err := q(w.client(with(t, n, w.hub.ca, w.clock().Add(at)))); !errors.Is(err, client.ErrExpired) || !errors.Is(err, client.ErrDenied) {
				t.Errorf("%s with a certificate issued %s from now: %v", what, at, err)
			}
		}
		if what == "renew" {
			continue // it needs a key
		}
		if err := q(w.client(&none)); !errors.Is(err, client.ErrDenied) || !strings.Contains(err.Error(), "enrol") {
			t.Errorf("%s without a certificate: %v", what, err)
		}
	}
	if len(w.hub.directory.Members(w.clock())) != 0 {
		t.Error("one of them is listed")
	}
	// The fleet's CA signs other things than hosts: none of them gets in.
	m := with(t, n, w.hub.ca, w.clock())
	m.Identity.Location = "x/y"
	if err := ask["sync"](w.client(with(t, m, w.hub.ca, w.clock()))); !errors.Is(err, client.ErrDenied) {
		t.Errorf("a certificate that names no host: %v", err)
	}
}

// A hub of another fleet is known by its certificate; it is told nothing.
func TestForeignHub(t *testing.T) {
	w, foreign := newWorld(t), newWorld(t)
	n, _ := w.host("oslo")
	elsewhere := *n
	elsewhere.HubAddr = foreign.addr.String()
	if _, err := sync1(w.client(&elsewhere), fleet.SyncRequest{}); !errors.Is(err, client.ErrForeign) {
		t.Errorf("%v", err)
	}
	// An agent of the own fleet cannot pass for the hub.
	foreign.hub.mu.Lock()
	foreign.hub.node, foreign.hub.ca = n, w.hub.ca
	foreign.hub.mu.Unlock()
	if _, err := sync1(w.client(&elsewhere), fleet.SyncRequest{}); !errors.Is(err, client.ErrForeign) {
		t.Errorf("an agent as a hub: %v", err)
	}
}

// A connection that stays open does not outlive the certificate it was opened with.
func TestConnectionEndsWithItsCertificate(t *testing.T) {
	w := newWorld(t)
	_, c := w.host("oslo")
	if _, err := sync1(c, fleet.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	w.setLate(hostLife + time.Hour)
	if _, err := sync1(c, fleet.SyncRequest{}); !errors.Is(err, client.ErrExpired) {
		t.Errorf("%v", err)
	}
}

func TestRenew(t *testing.T) {
	w := newWorld(t)
	enrolled, _ := w.host("oslo")
	old := with(t, enrolled, w.hub.ca, w.clock().Add(-61*24*time.Hour))
	c := w.client(old)
	if !c.Due(w.clock()) || enrolled.Due(w.clock()) {
		t.Fatal("the wrong one is due")
	}
	if _, err := sync1(c, fleet.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	fresh, err := c.Renew(context.Background())
	w.must(err)
	saved := mustLoad(t, old.Dir)
	if fresh.Identity != old.Identity || saved.Identity != old.Identity || c.Due(w.clock()) || saved.Due(w.clock()) || c.Node() != fresh {
		t.Errorf("renewed as %v", fresh.Identity)
	}
	if saved.HubAddr != old.HubAddr || saved.Hub.Peer != old.Hub.Peer || !saved.CA.Equal(old.CA) {
		t.Errorf("%+v", saved)
	}
	w.setLate(40 * 24 * time.Hour) // the old certificate would have ended by now
	if _, err := sync1(c, fleet.SyncRequest{}); err != nil {
		t.Errorf("with the new one: %v", err)
	}
}

// raw is a host that writes its own requests.
func (w *world) raw(n *node.Node, path string, body []byte) (status int, p fleet.Problem) {
	w.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{n.Certificate}, RootCAs: n.Roots, ServerName: fleet.HubName}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Post("https://"+w.addr.String()+path, "application/json", bytes.NewReader(body))
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode != http.StatusOK {
		w.must(json.Unmarshal(b, &p))
		if p.Status != resp.StatusCode || p.Title == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
			w.Errorf("%d %s", resp.StatusCode, b)
		}
	}
	return resp.StatusCode, p
}

func TestRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	n, _ := w.host("oslo")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	w.must(err)
	doc := func(v any) []byte {
		b, err := json.Marshal(v)
		w.must(err)
		return b
	}
	for _, x := range []struct {
		what, path string
		body       []byte
		code       string
	}{
		{"5 MiB of a report", "/v1/sync", bytes.Repeat([]byte(" "), 5<<20), fleet.CodeTooLarge},
		{"5 MiB behind a report", "/v1/sync", append([]byte("{}"), bytes.Repeat([]byte(" "), 5<<20)...), fleet.CodeTooLarge},
		{"32 KiB of an enrolment", "/v1/enroll", doc(fleet.EnrollRequest{Token: strings.Repeat("x", 32<<10)}), fleet.CodeTooLarge},
		{"32 KiB of a renewal", "/v1/renew", doc(fleet.RenewRequest{CSR: make([]byte, 32<<10)}), fleet.CodeTooLarge},
		{"nothing", "/v1/sync", nil, fleet.CodeBadRequest},
		{"no JSON", "/v1/sync", []byte("hello"), fleet.CodeBadRequest},
		{"an unknown field", "/v1/sync", []byte(`{"lam":"10.0.0.1:1"}`), fleet.CodeBadRequest},
		{"two documents", "/v1/sync", []byte(`{}{}`), fleet.CodeBadRequest},
		{"an id that is none", "/v1/sync", []byte(`{"wanted":["x"]}`), fleet.CodeBadRequest},
		{"a name for an address", "/v1/sync", []byte(`{"lan":"example.com:80"}`), fleet.CodeBadRequest},
		{"too many wishes", "/v1/sync", doc(fleet.SyncRequest{Wanted: make([]content.ID, fleet.MaxWanted+1)}), fleet.CodeTooLarge},
		{"too many holdings", "/v1/sync", doc(fleet.SyncRequest{Holdings: make([]fleet.Holding, fleet.MaxHoldings+1)}), fleet.CodeTooLarge},
		{"too many who do not answer", "/v1/sync", doc(fleet.SyncRequest{Unanswered: make([]fleet.Unanswered, fleet.MaxUnanswered+1)}), fleet.CodeBadRequest},
		{"a renewal for another key", "/v1/renew", doc(fleet.RenewRequest{CSR: csr}), fleet.CodeBadRequest},
		{"a renewal without a request", "/v1/renew", []byte(`{}`), fleet.CodeBadRequest},
		{"an enrolment without a request", "/v1/enroll", doc(fleet.EnrollRequest{Token: w.token("1h", ""), Location: "x"}), fleet.CodeBadRequest},
		{"an enrolment without a location", "/v1/enroll", doc(fleet.EnrollRequest{Token: w.token("1h", ""), CSR: csr}), fleet.CodeBadRequest},
		{"another page", "/v2/sync", []byte(`{}`), fleet.CodeNotFound},
	} {
		if status, p := w.raw(n, x.path, x.body); p.Code != x.code {
			t.Errorf("%s: %d %+v, want %s", x.what, status, p, x.code)
		}
	}
	if status, _ := w.raw(n, "/v1/sync", []byte("{}\n")); status != http.StatusOK {
		t.Errorf("a good one: %d", status)
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"lan":"10.0.0.1:5","holdings":[{"content":"` + content.Sum(nil).String() + `","chunks":1,"complete":true}],"wanted":[]}`))
	f.Add([]byte(`{"lan":"[::]:5"}{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report(bytes.NewReader(b))
		if err != nil {
			if p := asProblem(err); p.Status >= 500 {
				t.Errorf("%q is our fault: %v", b, err)
			}
			return
		}
		doc, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := report(bytes.NewReader(doc))
		if err != nil || again.Lan != r.Lan || len(again.Holdings) != len(r.Holdings) || len(again.Wanted) != len(r.Wanted) {
			t.Errorf("%q is read as %+v, and that as %+v, %v", b, r, again, err)
		}
		if r.Lan != "" && netip.MustParseAddrPort(r.Lan).Addr().IsUnspecified() {
			t.Errorf("%q would be dialled", r.Lan)
		}
	})
}

// What a stranger sends to enrol makes a refusal, never a fault, and no token is spent by it.
func FuzzEnrolment(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add((fleet.Token{}).String(), csr, "oslo")
	f.Add("", []byte{}, "")
	ca, err := newCA(f.TempDir(), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{ca: ca, tokens: fleet.NewTokenBook(nil), topology: topology.NewIndex(&topology.Topology{})}
	f.Fuzz(func(t *testing.T, token string, csr []byte, location string) {
		_, _, err := s.admit(time.Now(), netip.MustParseAddr("127.0.0.1"), fleet.EnrollRequest{Token: token, CSR: csr, Location: location})
		if err == nil || asProblem(err).Status >= 500 {
			t.Errorf("%v", err)
		}
	})
}

// Strangers may try a few times; members are not held up, nor is the operator's own machine.
func TestAttemptsAreLimited(t *testing.T) {
	w := newWorld(t)
	try := func(remote string) int {
		r := httptest.NewRequest("POST", "/v1/enroll", strings.NewReader(`{}`))
		r.RemoteAddr, r.TLS = remote, &tls.ConnectionState{}
		rec := httptest.NewRecorder()
		w.hub.control().ServeHTTP(rec, r)
		return rec.Code
	}
	now := w.clock()
	w.hub.o.Clock = func() time.Time { return now }
	for i := range tryBurst + 3 {
		want := http.StatusForbidden // no token
		if i >= tryBurst {
			want = http.StatusTooManyRequests
		}
		for _, remote := range []string{"192.0.2.1:5", "[::ffff:192.0.2.2]:6", "[2001:db8::1]:7"} {
			if got := try(remote); got != want {
				t.Fatalf("attempt %d of %s: %d", i+1, remote, got)
			}
		}
		if got := try("127.0.0.1:9"); got != http.StatusForbidden {
			t.Fatalf("attempt %d of the operator: %d", i+1, got)
		}
	}
	if try("[2001:db8::2:3]:7") != http.StatusTooManyRequests || try("[2001:db8:0:1::1]:7") != http.StatusForbidden {
		t.Error("one IPv6 network of 64 bits is one host")
	}
	if try("nonsense") != http.StatusTooManyRequests {
		t.Error("an address that is none")
	}
	now = now.Add(2 * tryEvery)
	if try("192.0.2.1:5") != http.StatusForbidden {
		t.Error("time does not heal")
	}
	for i := range 2 * maxLimited {
		w.hub.attempts.allows(now, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1).String())
	}
	if n := len(w.hub.attempts.by); n > maxLimited {
		t.Errorf("%d addresses are remembered", n)
	}
}
