// SPDX-License-Identifier: Apache-2.0

// Package console is the operator's view of a fleet: pages that move without being reloaded, and the JSON API under /api/v1 that
// says the same to programs. It runs in the hub and asks it through the interface Fleet.
//
// # Who gets in
//
// It listens on loopback only. Every request passes, in this order: the list of hosts it may be asked under (a name that an attacker
// points at 127.0.0.1 is none of them), http.CrossOriginProtection, and the session, which one gets for a link that the hub's machine
// makes and that is good once (package gate). /metrics, /livez and /readyz need no session: who asks for them has none, they are read only, and
// they tell sums. Bodies are bounded, and so is the number of browsers that listen to events.
//
// # How pages move
//
// The browser listens to /api/v1/events. At each event, every two seconds, it asks for the part of its page that moves and changes what
// differs (htmx, idiomorph); charts (uPlot) ask for the recent past as JSON. All of that is in the binary: a page asks no other host
// for anything, and its Content-Security-Policy would not let it. Without JavaScript pages are as they were when they were asked for.
//
// # How the fleet is steered
//
// An operator pauses, resumes, prioritises, cancels, stops and undoes, and an admin sets policies and rolls them back; a viewer sees no buttons and is refused. What an order touches is
// shown first, and goes back with the order: if it has become more meanwhile, it is shown again and not done. Forms are plain ones, whose
// answers htmx puts into the page where there is JavaScript. Everything that was ordered is in the hub's durable audit, under the name of
// the session.
//
// # Not promised
//
// What is shown, and what a preview counts, is as old as the news of the hosts. Contents are ordered, and hosts banned, on the hub's
// machine.
package console

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/metrics"
)

// Fleet is what the console asks of the hub. What is returned is never changed afterwards.
type Fleet interface {
	Census() *board.Census
	History(location string) board.History
	Location(name string) (*board.LocationPage, bool)
	Content(ref string) (*board.ContentPage, bool)
	Peer(name string) (*board.PeerPage, bool)
	FindPeers(prefix string, most int) (list []board.Found, total int)

	Preview(desired.Command, int64) (desired.Preview, error)
	Steer(ctx context.Context, who string, c desired.Command) (desired.Entry, error)
	Audit(before string, most int) ([]desired.Entry, error)
	Desired() []desired.Document
	Policies(key string, at *desired.Selector) []api.Policy
	PolicyHistory(key string, most int) ([]desired.Entry, error)
	PolicyDiff(since string) ([]api.PolicyChange, error)

	Note(line []byte) error           // durably
	Notes(most int) ([][]byte, error) // oldest first
}

// Options of a console. Fleet and Listener are required.
type Options struct {
	Fleet    Fleet
	Listener net.Listener // on loopback; owned by the server from Open on
	Figures  http.Handler // answers /metrics, /livez and /readyz, for which no session is needed; nil: there are none
	Names    []string     // other names it is asked under, by a proxy that speaks TLS
	Version  string
	Log      *slog.Logger
	Clock    func() time.Time // nil: time.Now
	Tick     time.Duration    // between events; zero: every two seconds
}

// ErrNotLoopback: the console is for this machine; others reach it through a proxy that speaks TLS.
var ErrNotLoopback = errors.New("the console listens on loopback addresses only")

// CheckAddr refuses addresses that are not loopback. ErrNotLoopback.
func CheckAddr(addr netip.AddrPort) error {
	if !addr.Addr().IsLoopback() {
		return fmt.Errorf("%w, not on %s: put a proxy that speaks TLS in front of it, and name it with --console-name", ErrNotLoopback, addr)
	}
	return nil
}

// Server is a running console.
type Server struct {
	o      Options
	http   *http.Server
	addr   netip.AddrPort
	hosts  []string // that it may be asked under
	pages  pages
	closed context.Context // done when the server closes
	close  context.CancelFunc

	mu    sync.Mutex // guards what follows
	gate  *gate.Gate
	audit []Event
	heard map[gate.Secret]int // listeners to events, by session
}

// Open makes a console; nobody is let in before Serve.
func Open(o Options) (*Server, error) {
	addr := o.Listener.Addr().(*net.TCPAddr).AddrPort()
	if err := CheckAddr(addr); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tick == 0 {
		o.Tick = board.Step
	}
	s := &Server{o: o, addr: addr, gate: gate.New(), heard: map[gate.Secret]int{}}
	s.hosts = append(metrics.Hosts(addr), o.Names...)
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	if s.audit, err = remembered(o.Fleet); err != nil {
		return nil, err
	}
	s.closed, s.close = context.WithCancel(context.Background())
	var http1 http.Protocols
	http1.SetHTTP1(true)
	s.http = &http.Server{Handler: s.handler(), Protocols: &http1, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: writeWithin, IdleTimeout: 2 * time.Minute}
	return s, nil
}

// writeWithin bounds an answer; events set a new bound for each.
const writeWithin = 30 * time.Second

// URL is where the console is.
func (s *Server) URL() string { return "http://" + s.addr.String() + "/" }

// Serve answers until Close.
func (s *Server) Serve() error {
	err := s.http.Serve(s.o.Listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends all events, then stops answering; questions under way get a second.
func (s *Server) Close() error {
	s.close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if e := s.o.Listener.Close(); !errors.Is(e, net.ErrClosed) { // open only if nobody called Serve
		err = errors.Join(err, e)
	}
	return err
}

// Link is what lets somebody in once.
type Link struct {
	URL     string    `json:"url"`
	Role    string    `json:"role"`
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"`
}

// NewLink makes a link. gate.ErrRole, gate.ErrName.
func (s *Server) NewLink(name string, role gate.Role) (Link, error) {
	secret := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.gate.Linked(s.o.Clock(), secret, name, role)
	if err != nil {
		return Link{}, err
	}
	return Link{URL: s.URL() + "login?link=" + encode(secret), Role: role.String(), Name: name, Expires: p.Until.UTC()}, nil
}

func newSecret() (s gate.Secret) {
	_, _ = rand.Read(s[:]) // never fails: crypto/rand ends the program instead
	return s
}

func encode(s gate.Secret) string { return base64.RawURLEncoding.EncodeToString(s[:]) }

// decodeSecret reads the one form; anything else is a secret that nobody has.
func decodeSecret(text string) (s gate.Secret, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(s) {
		return s, false
	}
	return gate.Secret(b), true
}

// Event is one line of the audit: who did what, and what came of it.
type Event struct {
	Time   time.Time `json:"time"`
	Name   string    `json:"name,omitempty"` // empty: nobody who is known
	Role   string    `json:"role,omitempty"`
	Action string    `json:"action"`
	Result string    `json:"result"`
	Remote string    `json:"remote"`
}

// keptEvents bounds the audit; the oldest go first.
const keptEvents = 500

// remembered is the audit as the hub kept it; what is not understood is left out.
func remembered(f Fleet) (audit []Event, err error) {
	lines, err := f.Notes(keptEvents)
	for _, line := range lines {
		var e Event
		if json.Unmarshal(line, &e) == nil {
			audit = append(audit, e)
		}
	}
	return audit, err
}

// note enters something into the audit, here and at the hub, and into the log. Where the hub's disk is full, what is here goes on.
func (s *Server) note(r *http.Request, p gate.Pass, action, result string) {
	e := Event{Time: s.o.Clock().UTC(), Name: p.Name, Action: action, Result: result, Remote: r.RemoteAddr}
	if p.Role != gate.Nobody {
		e.Role = p.Role.String()
	}
	s.mu.Lock()
	s.audit = append(s.audit, e)
	s.audit = s.audit[max(0, len(s.audit)-keptEvents):]
	s.mu.Unlock()
	line, err := json.Marshal(e)
	if err == nil {
		err = s.o.Fleet.Note(line)
	}
	if err != nil {
		s.o.Log.Error("what happened at the console is not in the audit", "action", action, "name", e.Name, "err", err)
	}
	s.o.Log.Info("console", "action", action, "result", result, "name", e.Name, "role", e.Role, "remote", r.RemoteAddr)
}

// events is the audit, newest first.
func (s *Server) events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.Clone(s.audit)
	slices.Reverse(events)
	return list(events)
}
