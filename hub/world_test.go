// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a hub that hosts reach over real TLS on loopback. Its store lies in memory, so that its power can be cut.
type world struct {
	testing.TB
	state string
	fs    vfs.FS
	bus   BusOptions
	addr  netip.AddrPort // of the control port, the same after a restart
	hub   *Server
	local http.Handler

	mu        sync.Mutex
	late      time.Duration // by which the hub's clock is ahead of the hosts'
	observed  map[string]netip.AddrPort
	published [][]byte // what the data plane was told
	pinned    []ed25519.PublicKey
	log       bytes.Buffer
	stop      func()
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, state: t.TempDir(), fs: vfs.NewCrashableMem(), addr: netip.MustParseAddrPort("127.0.0.1:0")}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Write takes the hub's log.
func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.late)
}

func (w *world) setLate(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = d
}

func (w *world) start() {
	w.Helper()
	st, err := store.Open("store", store.Options{FS: w.fs})
	w.must(err)
	l, err := net.Listen("tcp", w.addr.String())
	w.must(err)
	w.addr = l.Addr().(*net.TCPAddr).AddrPort()
	log := slog.New(slog.NewTextHandler(w, nil))
	n, err := Init(w.state, w.addr, w.clock(), log)
	w.must(err)
	w.hub, err = Open(Options{State: w.state, Node: n, Store: st, Listener: l, Clock: w.clock, Log: log, Bus: w.bus,
		Observed: func() map[string]netip.AddrPort { return w.observed },
		Published: func(raw []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.published = append(w.published, raw)
			return nil
		},
		Pinned: func(keys []ed25519.PublicKey) { w.pinned = keys }})
	w.must(err)
	mux := http.NewServeMux()
	w.hub.Mount(mux)
	w.local = mux
	served := make(chan error, 1)
	go func() { served <- w.hub.Serve() }()
	w.stop = func() {
		w.Helper()
		w.must(errors.Join(w.hub.Close(), <-served, st.Close()))
	}
}

// restart ends the hub in order and starts it again.
func (w *world) restart() {
	w.stop()
	w.start()
}

// cutPower starts the hub again with what was durable at this moment and nothing else.
func (w *world) cutPower() {
	durable := w.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	w.stop()
	w.fs = durable
	w.start()
}

// operator asks the local API. The answer is decoded into out; a problem is returned.
func (w *world) operator(method, path string, body, out any) error {
	w.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		doc, err := json.Marshal(b)
		w.must(err)
		r = bytes.NewReader(doc)
	}
	rec := httptest.NewRecorder()
	w.local.ServeHTTP(rec, httptest.NewRequest(method, "/api/v1/"+path, r))
	if rec.Code >= 300 {
		p := &api.Problem{}
		if rec.Body.Len() > 0 {
			w.must(json.Unmarshal(rec.Body.Bytes(), p))
		}
		if p.Status != rec.Code && method != http.MethodHead {
			w.Errorf("status %d, and the problem says %d", rec.Code, p.Status)
		}
		return p
	}
	if out != nil {
		w.must(json.Unmarshal(rec.Body.Bytes(), out))
	}
	return nil
}

// code is that of the problem that an operator got.
func code(err error) string {
	var p *api.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func (w *world) token(ttl, location string) string {
	w.Helper()
	var t api.Token
	w.must(w.operator("POST", "tokens", map[string]string{"ttl": ttl, "location": location}, &t))
	if t.Location != location || t.Expires.IsZero() {
		w.Errorf("%+v", t)
	}
	return t.Token
}

func (w *world) enroll(token, location string) (*node.Node, error) {
	return client.Enroll(context.Background(), client.Enrollment{Hub: w.addr.String(), Token: token, Location: location,
		State: filepath.Join(w.TempDir(), "state")})
}

// host is a newly enrolled host and its way to the hub.
func (w *world) host(location string) (*node.Node, *client.Client) {
	w.Helper()
	n, err := w.enroll(w.token("1h", ""), location)
	w.must(err)
	return n, w.client(n)
}

func (w *world) client(n *node.Node) *client.Client {
	w.Helper()
	c, err := client.New(n)
	w.must(err)
	w.Cleanup(c.Close)
	return c
}

// publisher is the default one.
func (w *world) publisher() ed25519.PrivateKey {
	w.Helper()
	b, err := os.ReadFile(filepath.Join(w.state, publisherFile))
	w.must(err)
	key, err := content.ParsePublisherSecret(strings.TrimSpace(string(b)))
	w.must(err)
	return key
}

// article is one chunk as a content of one file.
func article(name string, created time.Time) (*content.Manifest, []byte) {
	data := []byte(name + created.String())
	return &content.Manifest{Name: name, Version: "1", Type: "file", Created: created.UTC().Truncate(time.Second),
		Entries: []content.Entry{{Path: name, Kind: content.File, Mode: 0o644, Size: int64(len(data))}},
		Chunks:  []content.Chunk{{ID: content.Sum(data), Size: uint32(len(data))}}}, data
}

// publish puts an article's chunk and then its manifest.
func (w *world) publish(m *content.Manifest, data []byte, key ed25519.PrivateKey) (content.ID, error) {
	w.Helper()
	w.must(w.operator("PUT", "chunks/"+m.Chunks[0].ID.String(), data, nil))
	s, err := content.Sign(m, key)
	w.must(err)
	var p api.Publish
	if err := w.operator("POST", "contents", s.Encode(), &p); err != nil {
		return content.ID{}, err
	}
	if p.ID != s.ID() || p.Name != m.Name || p.Size != m.Size() || p.Files != 1 || p.Chunks != 1 {
		w.Errorf("%+v", p)
	}
	return p.ID, nil
}

// newest is the content that a name stands for, as a host hears it and verifies it.
func (w *world) newest(n *node.Node, c *client.Client, ref string) content.ID {
	w.Helper()
	raw, err := c.Content(context.Background(), ref)
	w.must(err)
	s, err := content.ParseSigned(raw)
	w.must(err)
	_, err = s.Verify(n.Publishers, time.Now())
	w.must(err)
	return s.ID()
}

func sync1(c *client.Client, r fleet.SyncRequest) (fleet.SyncReply, error) {
	return c.Sync(context.Background(), r)
}
