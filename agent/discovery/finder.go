// SPDX-License-Identifier: Apache-2.0

package discovery

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Bounds. What comes from the network never makes more than these.
const (
	MaxPlaces  = 128 // places heard that are kept
	maxSame    = 4   // of them, at one IP address
	maxDialing = 3   // dials under way to places heard

	dialPause  = 250 * time.Millisecond // between dials, half of it to one and a half
	retryFirst = time.Second            // after the first dial that failed, doubling
	retryMost  = time.Minute
	maxMisses  = 3                // dials of a place heard that failed in a row; then it is forgotten
	rest       = 30 * time.Second // of a place where somebody answered, once the conversation is over: the address book is faster
	staleAfter = 10 * time.Minute // without being heard

	askFirst = 2 * time.Second // between the first question and the second, doubling
	askMost  = time.Minute
)

// Config is what the operator decided.
type Config struct {
	Static    []string // host:port
	Multicast bool     // whether the network is asked
	Seed      uint64   // of jitter
}

// Hint is an address that was heard.
type Hint struct {
	Addr netip.AddrPort // UDP, of the data plane
	TLS  uint16         // TCP port at the same address; 0: none
}

// Want says for what hosts are wanted now.
type Want struct {
	Anybody bool // neighbours are lacking
	HubAway bool // and the hub tells of none
}

// Action is Ask or Dial.
type Action interface{ action() }

type (
	// Ask puts the question to the network. The answer is Asked, after any number of Heard.
	Ask struct{}
	// Dial connects to whoever is there. The answer is Answered or Missed with the same Where.
	Dial struct {
		Where string // host:port
		TLS   uint16 // TCP port at the same address; 0: not known
	}
)

func (Ask) action()  {}
func (Dial) action() {}

// place is where somebody may be.
type place struct {
	Hint
	where   string
	static  bool
	heard   time.Time // last
	dialing bool
	peer    string // who answered; empty: nobody yet
	misses  int    // in a row
	retryAt time.Time
}

// Finder is the machine; see the package comment. It is owned by one goroutine.
type Finder struct {
	config  Config
	rnd     *rand.Rand
	places  []*place // invariant: at most MaxPlaces that are not static
	present map[string]bool
	want    Want

	asking   bool
	askAt    time.Time
	askPause time.Duration
	dialAt   time.Time // not before
	problem  string
}

// New is a finder that has heard nothing yet.
func New(c Config) *Finder {
	f := &Finder{config: c, rnd: rand.New(rand.NewPCG(c.Seed, 0x66696e64)), present: map[string]bool{}}
	for _, where := range c.Static {
		if f.find(where) == nil {
			f.places = append(f.places, &place{where: where, static: true})
		}
	}
	return f
}

func (f *Finder) find(where string) *place {
	for _, p := range f.places {
		if p.where == where {
			return p
		}
	}
	return nil
}

// Wanted says whether somebody is wanted. It may be said as often as one likes.
func (f *Finder) Wanted(now time.Time, w Want) {
	w.HubAway = w.HubAway && w.Anybody && f.config.Multicast
	if w.HubAway && !f.want.HubAway {
		f.askPause = askFirst
		f.askAt = later(f.askAt, now.Add(f.spread(dialPause))) // hosts that lose their hub together do not ask together
	}
	f.want = w
}

// Heard says that somebody at an address answered the question as a host of the fleet would.
func (f *Finder) Heard(now time.Time, h Hint) {
	where := h.Addr.String()
	if p := f.find(where); p != nil {
		p.heard, p.TLS = now, h.TLS
		return
	}
	f.forget(now)
	same, all := 0, 0
	for _, p := range f.places {
		if p.static {
			continue
		}
		all++
		if p.Addr.Addr() == h.Addr.Addr() {
			same++
		}
	}
	if same >= maxSame || all >= MaxPlaces && !f.pushOut() {
		return
	}
	f.places = append(f.places, &place{where: where, Hint: h, heard: now})
}

// forget drops places that were not heard for long, and at which nobody is.
func (f *Finder) forget(now time.Time) {
	f.places = slices.DeleteFunc(f.places, func(p *place) bool {
		return !p.static && !p.dialing && !f.present[p.peer] && now.Sub(p.heard) > staleAfter
	})
}

// pushOut drops a place where nobody of the fleet has answered, any of them.
func (f *Finder) pushOut() bool {
	var loose []int
	for i, p := range f.places {
		if !p.static && !p.dialing && p.peer == "" {
			loose = append(loose, i)
		}
	}
	if len(loose) == 0 {
		return false
	}
	i := loose[f.rnd.IntN(len(loose))]
	f.places = slices.Delete(f.places, i, i+1)
	return true
}

// Asked says that the question has been put and its time is over; problem says what stood in the way, if anything did.
func (f *Finder) Asked(now time.Time, problem string) {
	if !f.asking {
		return
	}
	f.asking, f.problem = false, problem
	f.askAt = now.Add(f.spread(f.askPause))
	f.askPause = min(2*f.askPause, askMost)
}

// Answered says that a host of the fleet was there. Who is not to be met there again, such as this host itself, or one of another location
// that was only heard, is told apart by again.
func (f *Finder) Answered(now time.Time, where, peer string, again bool) {
	p := f.find(where)
	if p == nil {
		return
	}
	p.dialing, p.peer, p.misses, p.retryAt = false, peer, 0, now.Add(rest)
	if !again {
		p.retryAt = now.Add(staleAfter)
	}
}

// Missed says that nobody was there, or nobody of the fleet.
func (f *Finder) Missed(now time.Time, where string) {
	p := f.find(where)
	if p == nil {
		return
	}
	p.dialing = false
	p.misses++
	if p.misses >= maxMisses && !p.static {
		f.places = slices.DeleteFunc(f.places, func(x *place) bool { return x == p })
		return
	}
	p.retryAt = now.Add(f.spread(min(retryFirst<<min(p.misses-1, 10), retryMost)))
}

// Present says whether there is a conversation with a peer: then it need not be looked for.
func (f *Finder) Present(now time.Time, peer string, present bool) {
	if present {
		f.present[peer] = true
		return
	}
	delete(f.present, peer)
	for _, p := range f.places {
		if p.peer == peer {
			p.retryAt = later(p.retryAt, now.Add(f.spread(rest)))
		}
	}
}

// Deadline is when Take may have something new; zero: not without an event.
func (f *Finder) Deadline() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if f.want.HubAway && !f.asking {
		earlier(f.askAt)
	}
	full := f.dialing() >= maxDialing
	for _, p := range f.places {
		if f.wanted(p) && (p.static || !full) {
			earlier(later(p.retryAt, f.dialAt))
		}
	}
	return first
}

// wanted reports whether a place is to be dialled when its time has come.
func (f *Finder) wanted(p *place) bool {
	return f.want.Anybody && (p.static || f.want.HubAway) && !p.dialing && !f.present[p.peer]
}

// dialing counts the dials under way to places heard.
func (f *Finder) dialing() (n int) {
	for _, p := range f.places {
		if p.dialing && !p.static {
			n++
		}
	}
	return n
}

// Take returns the next Ask or Dial. Static places come first, of the others any.
func (f *Finder) Take(now time.Time) (Action, bool) {
	if f.want.HubAway && !f.asking && !now.Before(f.askAt) {
		f.asking = true
		return Ask{}, true
	}
	if !f.want.Anybody || now.Before(f.dialAt) {
		return nil, false
	}
	full := f.dialing() >= maxDialing
	var due []*place
	for _, p := range f.places {
		if !f.wanted(p) || now.Before(p.retryAt) || full && !p.static {
			continue
		}
		if p.static {
			due = []*place{p}
			break
		}
		due = append(due, p)
	}
	if len(due) == 0 {
		return nil, false
	}
	p := due[f.rnd.IntN(len(due))]
	p.dialing = true
	f.dialAt = now.Add(f.spread(dialPause))
	return Dial{Where: p.where, TLS: p.TLS}, true
}

// spread is d, half of it to one and a half.
func (f *Finder) spread(d time.Duration) time.Duration {
	return d/2 + time.Duration(f.rnd.Int64N(int64(d)))
}

// Status is what the finder knows.
type Status struct {
	Multicast bool
	Static    int    // places that the operator wrote down
	Heard     int    // places that answered lately
	Problem   string // why the network cannot be asked, as of the last question; empty: it can, or was not
}

// Status says how far it is.
func (f *Finder) Status() Status {
	s := Status{Multicast: f.config.Multicast, Problem: f.problem}
	for _, p := range f.places {
		if p.static {
			s.Static++
		} else {
			s.Heard++
		}
	}
	return s
}

func (f *Finder) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "finder wants=%t hub-away=%t asking=%t", f.want.Anybody, f.want.HubAway, f.asking)
	for _, p := range f.places {
		fmt.Fprintf(&b, " %s", p.where)
		switch {
		case p.dialing:
			b.WriteString(" (dialling)")
		case p.peer != "":
			fmt.Fprintf(&b, " (%s)", p.peer)
		case p.misses > 0:
			fmt.Fprintf(&b, " (missed %d)", p.misses)
		}
	}
	return b.String()
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
