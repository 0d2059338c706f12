// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"math/big"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer/udp"
)

func TestMain(m *testing.M) {
	// These tests wait for time to pass on the network, so more of them fit on a machine than it has cores.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait; only a failing test ever waits for so long.
const patience = 3 * time.Minute

const fleetName = "00000000000000ff"

// world is a fleet on loopback: real daemons, real stores, real sockets, and a control plane that says what the test
// wants said.
type world struct {
	Post   // nobody reports by way of others
	t      *testing.T
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	secret ed25519.PrivateKey // the publisher's

	mu       sync.Mutex // guards what the hub says
	mute     bool       // no manifest is to be had of it
	hub      fleet.Member
	members  []fleet.Member
	contents map[string][]byte
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, contents: map[string][]byte{}}
	var err error
	w.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, w.caKey.Public(), w.caKey)
	must(t, err)
	w.ca, err = x509.ParseCertificate(der)
	must(t, err)
	_, w.secret, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// host is an enrolled host of the fleet.
func (w *world) host(role fleet.Role, location string) *node.Node {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(w.t, err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	must(w.t, err)
	id := fleet.Identity{Fleet: fleetName, Role: role, Location: location, Peer: fleet.PeerName(public)}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{id.URI()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, key.Public(), w.caKey)
	must(w.t, err)
	leaf, err := x509.ParseCertificate(der)
	must(w.t, err)
	roots := x509.NewCertPool()
	roots.AddCert(w.ca)
	return &node.Node{Dir: w.t.TempDir(), Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, CA: w.ca,
		Roots: roots, Identity: id, HubAddr: "127.0.0.1:1", Publishers: []ed25519.PublicKey{w.secret.Public().(ed25519.PublicKey)}}
}

func socket(t *testing.T) *udp.Conn {
	s, err := udp.Listen(udp.Config{Address: netip.MustParseAddrPort("127.0.0.1:0")})
	must(t, err)
	return s
}

// running is a daemon with what a test wants to see of it.
type running struct {
	*Daemon
	t     *testing.T
	node  *node.Node
	store *store.Store
	log   *logBook
}

// logBook keeps the log.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a daemon until the test ends. Others hear of it only through list.
func (w *world) start(n *node.Node) *running { return w.startWith(n, func(*Options) {}) }

// startWith runs one whose options are not all as usual.
func (w *world) startWith(n *node.Node, change func(*Options)) *running {
	st, err := store.Open(filepath.Join(n.Dir, "store"), store.Options{})
	must(w.t, err)
	r := &running{t: w.t, node: n, store: st, log: &logBook{}}
	o := Options{Node: n, Store: st, Socket: socket(w.t), Version: "test",
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if n.Identity.Role == fleet.RoleAgent {
		o.Hub = w
	}
	change(&o)
	r.Daemon, err = Start(o)
	must(w.t, err)
	w.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			w.t.Error(err)
		}
		if err := st.Close(); err != nil {
			w.t.Error(err)
		}
		if w.t.Failed() {
			w.t.Logf("%s %s:\n%s", n.Identity.Role, n.Identity.Peer, r.log)
		}
	})
	return r
}

func member(id fleet.Identity, addr netip.AddrPort) fleet.Member {
	return fleet.Member{Peer: id.Peer, Role: id.Role, Location: id.Location, Lan: addr.String(), Wan: addr.String(), Seen: time.Now()}
}

// list makes the control plane name a host from now on.
func (w *world) list(id fleet.Identity, addr netip.AddrPort) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := member(id, addr)
	if id.Role == fleet.RoleHub {
		w.hub = m
		return
	}
	w.members = append(w.members, m)
}

// holder makes the control plane say that a host holds a content.
func (w *world) holder(peer string, x image) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.members {
		if w.members[i].Peer == peer {
			w.members[i].Holds = append(w.members[i].Holds, x.signed.ID())
		}
	}
}

// Sync implements Hub.
func (w *world) Sync(context.Context, fleet.SyncRequest) (fleet.SyncReply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fleet.SyncReply{Hub: w.hub, Peers: append([]fleet.Member(nil), w.members...), Time: time.Now()}, nil
}

// Copies implements Hub: nobody else holds anything.
func (w *world) Copies(_ context.Context, r fleet.CopiesRequest) (fleet.CopiesReply, error) {
	return fleet.CopiesReply{Ahead: make([]int, len(r.Kept))}, nil
}

// Content implements Hub.
func (w *world) Content(_ context.Context, ref string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch raw, ok := w.contents[ref]; {
	case w.mute:
		return nil, client.ErrUnreachable
	case !ok:
		return nil, client.ErrNotFound
	default:
		return raw, nil
	}
}

// image is a content and its bytes.
type image struct {
	signed   *content.Signed
	manifest *content.Manifest
	bytes    []byte
}

// publish makes a content and enters it in the catalogue; nobody holds it yet.
func (w *world) publish(name string, size int, key ed25519.PrivateKey) image {
	x := image{bytes: make([]byte, size), manifest: &content.Manifest{Name: name, Version: "1", Type: "test",
		Created: time.Now().UTC().Truncate(time.Second)}}
	var seed [32]byte
	copy(seed[:], name)
	_, err := mrand.NewChaCha8(seed).Read(x.bytes)
	must(w.t, err)
	cut := content.NewChunker(bytes.NewReader(x.bytes))
	for {
		b, err := cut.Next()
		if err == io.EOF {
			break
		}
		must(w.t, err)
		x.manifest.Chunks = append(x.manifest.Chunks, content.Chunk{ID: content.Sum(b), Size: uint32(len(b))})
	}
	x.manifest.Entries = []content.Entry{{Path: name, Kind: content.File, Mode: 0o644, Size: int64(size)}}
	x.signed, err = content.Sign(x.manifest, key)
	must(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.contents[name]; !there {
		w.contents[name] = x.signed.Encode()
	}
	return x
}

// holds gives a daemon all of a content.
func (r *running) holds(x image) {
	rest := x.bytes
	for _, c := range x.manifest.Chunks {
		must(r.t, r.store.Put(store.Blob{ID: c.ID, Data: rest[:c.Size]}))
		rest = rest[c.Size:]
	}
	must(r.t, r.Published(x.signed.Encode()))
}

// call asks the local API.
func (r *running) call(method, path, body string, out any) {
	r.t.Helper()
	req := httptest.NewRequest(method, "/api/v1/"+path, strings.NewReader(body))
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	if w.Code >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	must(r.t, json.Unmarshal(w.Body.Bytes(), out))
}

func (r *running) get(ref string) (flow, out string) {
	var f api.Flow
	out = filepath.Join(r.t.TempDir(), "out")
	body, err := json.Marshal(api.Get{Ref: ref, Out: out})
	must(r.t, err)
	r.call(http.MethodPost, "flows", string(body), &f)
	return f.ID, out
}

func (r *running) flow(id string) (f api.Flow) {
	r.call(http.MethodGet, "flows/"+id, "", &f)
	return f
}

// others is what the local API says of all other hosts.
func (r *running) others() (list []api.Peer) {
	var answer struct{ Peers []api.Peer }
	r.call(http.MethodGet, "peers", "", &answer)
	return answer.Peers
}

func (r *running) peer(name string) api.Peer {
	for _, p := range r.others() {
		if p.Peer == name {
			return p
		}
	}
	return api.Peer{}
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen in %s", what, patience)
		}
	}
}

// arrives waits for a flow to end well and holds every byte against the original: those of the output, and those of the
// chunk files.
func (r *running) arrives(id, out string, x image) api.Flow {
	r.t.Helper()
	var f api.Flow
	defer func() {
		if r.t.Failed() {
			var why api.Why
			r.call(http.MethodGet, "why/"+id, "", &why)
			r.t.Logf("%+v\n%+v\n%+v", f, why.Reasons, r.others())
		}
	}()
	eventually(r.t, "the end of the flow", func() bool {
		f = r.flow(id)
		return f.Ended()
	})
	if f.State != api.StateDone {
		r.t.Fatalf("%+v", f)
	}
	got, err := os.ReadFile(out)
	must(r.t, err)
	if !bytes.Equal(got, x.bytes) {
		r.t.Error("the output differs from what was published")
	}
	files, err := filepath.Glob(filepath.Join(r.node.Dir, "store", "chunks", "*", "*"))
	must(r.t, err)
	if len(files) != len(x.manifest.Chunks) {
		r.t.Errorf("%d chunk files, the content has %d chunks", len(files), len(x.manifest.Chunks))
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(r.t, err)
		if !strings.HasPrefix(filepath.Base(path), content.Sum(b).String()) {
			r.t.Errorf("wrong bytes reached the disk: %s", path)
		}
	}
	return f
}
