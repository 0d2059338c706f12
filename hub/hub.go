// SPDX-License-Identifier: Apache-2.0

// Package hub is the control plane's server: the fleet's CA and enrolment, the catalogue of signed manifests, and the
// directory of who is where and who holds what. It answers hosts on the control port (HTTPS with certificates of the
// fleet on both sides) and the operator through handlers that are mounted on the local API.
//
// What must survive a crash is in records of the store, durable before it takes effect: the catalogue, and that a
// token was used. The directory is rebuilt from what members report. The hub signs no content: publishers' keys may
// live elsewhere, and endpoints pin them when they enrol.
//
// No chunk passes through here: an ordinary daemon on the same store serves them.
package hub

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
)

// Options of a server. All but Clock and Log are required.
type Options struct {
	State     string
	Store     *store.Store
	Listener  net.Listener                     // control port; owned by the server from Open on
	Observed  func() map[string]netip.AddrPort // where the data plane sees each connected peer
	Published func(signed []byte) error        // told of a content before it is catalogued
	Log       *slog.Logger
	Clock     func() time.Time // nil: time.Now
}

// Server is a running hub.
type Server struct {
	o        Options
	node     *node.Node
	ca       *authority
	http     *http.Server
	attempts *limiter

	mu        sync.Mutex // guards what follows
	tokens    *fleet.TokenBook
	directory *fleet.Directory
	contents  map[content.ID][]byte // signed manifests
	newest    map[string]version    // by name
	observed  time.Time             // when Observed was last asked
}

// version is one content of a name.
type version struct {
	id      content.ID
	created time.Time
}

// Open reads what the store remembers. The state directory must have been through Init.
func Open(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n, err := node.Load(o.State)
	if err != nil {
		return nil, err
	}
	ca, err := openCA(o.State, o.Clock())
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, node: n, ca: ca, attempts: newLimiter(rate.Every(time.Second), 20), directory: fleet.NewDirectory(n.Hub)}
	if err := s.restore(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enroll", s.enroll)
	mux.HandleFunc("POST /v1/renew", s.member(s.renew))
	mux.HandleFunc("POST /v1/sync", s.member(s.sync))
	mux.HandleFunc("GET /v1/contents/{ref}", s.member(s.content))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &fleet.Problem{Title: "no such page: " + r.URL.Path, Status: http.StatusNotFound, Code: fleet.CodeNotFound})
	})
	own := n.Certificate
	own.Certificate = append(own.Certificate[:1:1], ca.cert.Raw) // the CA goes along, for hosts that only know its fingerprint
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 5 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, ClientCAs: n.Roots,
			ClientAuth: tls.VerifyClientCertIfGiven, Time: o.Clock}}
	return s, nil
}

// Serve answers until Close.
func (s *Server) Serve() error {
	err := s.http.ServeTLS(s.o.Listener, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close stops answering; questions under way get a second.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// publisherTexts is what endpoints pin when they enrol.
func publisherTexts(keys []ed25519.PublicKey) []string {
	var texts []string
	for _, k := range keys {
		texts = append(texts, content.MarshalPublisherKey(k))
	}
	return texts
}

// limiter bounds how often one address may try.
type limiter struct {
	mu    sync.Mutex
	every rate.Limit
	burst int
	by    map[netip.Addr]*rate.Limiter
}

// maxLimited bounds the addresses remembered; beyond it all are forgotten, which costs an attacker more than us.
const maxLimited = 4096

func newLimiter(every rate.Limit, burst int) *limiter {
	return &limiter{every: every, burst: burst, by: map[netip.Addr]*rate.Limiter{}}
}

// allows reports whether the address may try now. Loopback always may: it is the operator's own machine.
func (l *limiter) allows(now time.Time, remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil || addr.Addr().IsLoopback() {
		return err == nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.by) >= maxLimited {
		clear(l.by)
	}
	x := l.by[addr.Addr()]
	if x == nil {
		x = rate.NewLimiter(l.every, l.burst)
		l.by[addr.Addr()] = x
	}
	return x.AllowN(now, 1)
}
