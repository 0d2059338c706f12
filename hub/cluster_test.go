// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

// others runs a NATS server as others do.
func others(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	ns, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(time.Minute) {
		t.Fatal("it does not listen")
	}
	return ns.Addr().String()
}

// obeys holds that what is ordered comes over this bus.
func (w *world) obeys(c bus.Cluster) {
	w.Helper()
	w.onBus(BusOptions{Cluster: c})
	berlin := w.subject("berlin")
	heard := berlin.listen()
	say := func() { w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")}) }
	w.connected(say, heard)
	say()
	if d := berlin.next(heard); d.Scope != in("berlin") || !berlin.paused() {
		w.Errorf("%+v", d)
	}
}

func TestBusOfOthers(t *testing.T) {
	newWorld(t).obeys(bus.Cluster{URLs: []string{"nats://" + others(t, &server.Options{})}})
}

func TestBusOfOthersOverWebSocket(t *testing.T) {
	o := &server.Options{Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true}}
	others(t, o)
	newWorld(t).obeys(bus.Cluster{URLs: []string{"ws://" + net.JoinHostPort("127.0.0.1", big.NewInt(int64(o.Websocket.Port)).String())}})
}

// rides joins the bus as an agent does, and says when it should ask for news.
func (s *subject) rides() (h *bus.Host, heard chan []byte, ask chan struct{}) {
	s.Helper()
	heard, ask = make(chan []byte, 256), make(chan struct{}, 16)
	reply, err := sync1(s.client, fleet.SyncRequest{})
	s.must(err)
	h, err = bus.Join(bus.Options{Self: func() *node.Node { return s.node }, Bus: *reply.Bus, Log: s.hub.o.Log,
		Heard: func(raw []byte) { heard <- raw }, Up: func() { ask <- struct{}{} }})
	s.must(err)
	s.Cleanup(h.Close)
	s.await(ask)
	return h, heard, ask
}

// A cluster of others lets a revoked host stay, and whoever else may listen there. They understand nothing; hosts of the fleet do when they
// have asked the hub.
func TestRevokedHostUnderstandsNothingOnTheBusOfOthers(t *testing.T) {
	at := "nats://" + others(t, &server.Options{})
	w := newWorld(t).onBus(BusOptions{Cluster: bus.Cluster{URLs: []string{at}}})
	bad, good := w.subject("berlin"), w.subject("berlin")
	_, inBad, badAsks := bad.rides()
	host, inGood, goodAsks := good.rides()
	conn, err := nats.Connect(at)
	w.must(err)
	defer conn.Close()
	overheard := make(chan *nats.Msg, 256)
	_, err = conn.ChanSubscribe("ebb.>", overheard)
	w.must(err)
	w.must(conn.Flush())
	w.connected(func() { w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")}) }, inBad)

	w.steer(desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: bad.node.Identity.Peer}})
	for { // what was pushed before, up to that
		if good.next(inGood); good.book.Revoked(w.clock(), bad.node.Identity.Peer) {
			break
		}
	}
	for bad.next(inBad).Kind != desired.Revoke {
	}
	w.steer(desired.Command{Verb: desired.DoPause, Selector: desired.Selector{}})
	w.await(badAsks) // both hear that there is something
	w.await(goodAsks)
	if _, err := sync1(bad.client, fleet.SyncRequest{Bus: "x"}); err == nil {
		t.Error("the revoked host is told the key")
	}
	reply, err := sync1(good.client, fleet.SyncRequest{Bus: host.Version()})
	w.must(err)
	if !host.Follows(*reply.Bus) {
		t.Fatalf("it leaves the bus for %+v", reply.Bus)
	}
	w.steer(desired.Command{Verb: desired.DoStop})
	if d := good.next(inGood); d.Kind != desired.Stop {
		t.Errorf("it hears %+v", d)
	}
	if len(inBad) > 0 {
		t.Errorf("the revoked host has heard %q", <-inBad)
	}
	w.must(conn.Flush())
	if len(overheard) == 0 {
		t.Error("nothing was there to be overheard")
	}
	for range len(overheard) {
		if m := <-overheard; bytes.Contains(m.Data, []byte("pause")) || bytes.Contains(m.Data, []byte("stop")) {
			t.Errorf("overheard: %q", m.Data)
		}
	}
}

// connected says something until it is heard: the hub may be on its way to the cluster yet, and what is pushed meanwhile is lost.
func (w *world) connected(say func(), heard <-chan []byte) {
	w.Helper()
	for range 100 {
		say()
		select {
		case <-heard:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	w.Fatal("nothing comes")
}

// certified is a server's certificate, and the CA that made it.
func certified(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bus of others"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// permissions of the hub, and of hosts.
func permissions() (hub, hosts *server.Permissions) {
	all, nothing := []string{"ebb.>"}, []string{">"}
	return &server.Permissions{Publish: &server.SubjectPermission{Allow: all}, Subscribe: &server.SubjectPermission{Deny: nothing}},
		&server.Permissions{Publish: &server.SubjectPermission{Deny: nothing}, Subscribe: &server.SubjectPermission{Allow: all}}
}

// The cluster wants certificates of the fleet, a user and a password, and shows a certificate of a CA of its own.
func TestBusOfOthersWithMutualTLSAndPasswords(t *testing.T) {
	w := newWorld(t)
	mine, ca := certified(t)
	hub, hosts := permissions()
	at := others(t, &server.Options{TLS: true, TLSVerify: true, TLSTimeout: 60, Users: []*server.User{{Username: "hub", Password: "secret", Permissions: hub},
		{Username: "hosts", Password: "known", Permissions: hosts}},
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{mine}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.hub.self().Roots}})
	for _, scheme := range []string{"tls://", "nats://"} {
		w.obeys(bus.Cluster{URLs: []string{scheme + at}, CA: ca, Hub: fleet.BusLogin{User: "hub", Password: "secret"}, Hosts: fleet.BusLogin{User: "hosts", Password: "known"}})
	}
	_, c := w.host("oslo")
	reply, err := sync1(c, fleet.SyncRequest{})
	w.must(err)
	if reply.Bus.Login.Password != "known" {
		t.Errorf("hosts are told %+v", reply.Bus.Login)
	}
	if again, err := sync1(c, fleet.SyncRequest{Bus: reply.Bus.Version}); err != nil || again.Bus.Version != reply.Bus.Version || again.Bus.CA != nil || again.Bus.URLs != nil {
		t.Errorf("and told again: %+v, %v", again.Bus, err)
	}
}

// The cluster wants credentials of an account, as nsc makes them.
func TestBusOfOthersWithCredentials(t *testing.T) {
	operator, account := pair(t, nkeys.PrefixByteOperator), pair(t, nkeys.PrefixByteAccount)
	claims := jwt.NewOperatorClaims(operator.public)
	members := &server.MemAccResolver{}
	text, err := jwt.NewAccountClaims(account.public).Encode(operator.KeyPair)
	if err == nil {
		err = members.Store(account.public, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := others(t, &server.Options{TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: members})
	newWorld(t).obeys(bus.Cluster{URLs: []string{"nats://" + at},
		Hub: fleet.BusLogin{Credentials: account.user(t, "ebb.>", "")}, Hosts: fleet.BusLogin{Credentials: account.user(t, "", "ebb.>")}})
}

type keyPair struct {
	nkeys.KeyPair
	public string
}

func pair(t *testing.T, kind nkeys.PrefixByte) keyPair {
	t.Helper()
	k, err := nkeys.CreatePair(kind)
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{k, public}
}

// user makes credentials of one who may publish or hear this; empty: nothing.
func (account keyPair) user(t *testing.T, says, hears string) []byte {
	t.Helper()
	u := pair(t, nkeys.PrefixByteUser)
	claims := jwt.NewUserClaims(u.public)
	for subject, p := range map[string]*jwt.Permission{says: &claims.Pub, hears: &claims.Sub} {
		if subject == "" {
			p.Deny.Add(">")
		} else {
			p.Allow.Add(subject)
		}
	}
	text, err := claims.Encode(account.KeyPair)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := u.Seed()
	if err != nil {
		t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(text, seed)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
