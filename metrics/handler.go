// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// answerWithin is how long the daemon may take to answer before it counts as stuck.
const answerWithin = 5 * time.Second

var errStuck = errors.New("the daemon does not answer")

// Paths are what Handler answers to.
var Paths = []string{"/metrics", "/livez", "/readyz"}

// Handler answers to GET of Paths and to nothing else.
func Handler(o Options) http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newPage(o))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 2 * answerWithin}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { tell(w, r, o.alive()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { tell(w, r, o.ready()) })
	return mux
}

// check is one thing that is well or not.
type check struct {
	name string
	err  error // nil: it is well
	mild bool  // nothing is lost by it: work goes on
}

// alive: the goroutine that decides answers. A process that does not is better started anew.
func (o Options) alive() []check {
	list, _ := o.look()
	return list[:1]
}

// ready: it can do its work. An endpoint works without its hub, so that this is told and changes nothing.
func (o Options) ready() []check {
	list, _ := o.look()
	return list
}

func (o Options) look() ([]check, bool) {
	type answer struct {
		hub string
		ok  bool
	}
	heard := make(chan answer, 1)
	go func() {
		f, ok := o.Figures()
		a := answer{f.Hub.Error, ok}
		if a.hub == "" && !f.Hub.Reachable {
			a.hub = "not heard yet"
		}
		heard <- a
	}()
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	var a answer
	select {
	case a = <-heard:
	case <-timer.C:
	}
	daemon := check{name: "daemon"}
	if !a.ok {
		daemon.err = errStuck
	}
	list := []check{daemon, {name: "journal", err: o.Journal.Failed()}}
	if o.Fleet == nil && a.ok {
		hub := check{name: "hub", mild: true}
		if a.hub != "" {
			hub.err = errors.New(a.hub)
		}
		list = append(list, hub)
	}
	return list, a.ok
}

// tell answers 200 or 503, in one word, or with all checks where ?verbose is asked for.
func tell(w http.ResponseWriter, r *http.Request, checks []check) {
	var text strings.Builder
	bad := false
	for _, c := range checks {
		switch {
		case c.err == nil:
			fmt.Fprintf(&text, "[+] %s: ok\n", c.name)
		case c.mild:
			fmt.Fprintf(&text, "[~] %s: %v; work goes on without it\n", c.name, c.err)
		default:
			bad = true
			fmt.Fprintf(&text, "[-] %s: %v\n", c.name, c.err)
		}
	}
	verdict, status := "ok\n", http.StatusOK
	if bad {
		verdict, status = "not ok\n", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.URL.Query().Has("verbose") || bad {
		verdict = text.String() + verdict
	}
	_, _ = w.Write([]byte(verdict)) // the asker may have gone
}

// ErrNotLoopback: figures are for this machine unless the operator says otherwise.
var ErrNotLoopback = errors.New("figures are shown on loopback addresses only")

// Serve answers on a port of its own until the returned function is called. On loopback it answers only to loopback's names. Elsewhere it
// listens only if public is set: then whoever reaches the port may read, under any name. ErrNotLoopback.
func Serve(addr netip.AddrPort, public bool, h http.Handler) (at netip.AddrPort, stop func() error, err error) {
	if !addr.Addr().IsLoopback() && !public {
		return at, nil, fmt.Errorf("%w, not on %s", ErrNotLoopback, addr)
	}
	l, err := net.Listen("tcp", addr.String())
	if err != nil {
		return at, nil, err
	}
	at = l.Addr().(*net.TCPAddr).AddrPort()
	if addr.Addr().IsLoopback() {
		h = guard(at, h)
	}
	s := &http.Server{Handler: h, MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	return at, func() error {
		err := s.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// Hosts are the names under which a port of loopback is asked by who means it; a name that an attacker points there is none of them.
func Hosts(at netip.AddrPort) []string {
	port := strconv.Itoa(int(at.Port()))
	return []string{at.String(), "localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port}
}

// guard refuses what is asked under a name that is none of loopback's.
func guard(at netip.AddrPort, h http.Handler) http.Handler {
	hosts := Hosts(at)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(hosts, strings.ToLower(r.Host)) {
			http.Error(w, fmt.Sprintf("this is not %q: ask for http://%s", r.Host, at), http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}
