// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/store"
)

// Fleet is what a hub knows of all hosts.
type Fleet interface {
	Census() *board.Census
	Books() []board.Book
	Reports() (direct, relayed, refused int64)
}

// Options of a page. Figures and Journal are required.
type Options struct {
	Figures func() (daemon.Figures, bool) // of this host; false: it is going away
	Journal *Journal
	Fleet   Fleet // nil: this is an endpoint
	Version string
}

// Journal times the commits of a store and remembers whether it can be written. Its methods are for store.Events.
type Journal struct {
	took prometheus.Histogram

	mu     sync.Mutex // guards what follows
	failed error
}

// NewJournal has seen no commit.
func NewJournal() *Journal {
	return &Journal{took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: journalCommit, Help: familyOf(journalCommit).help,
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}})}
}

// Events is what a store has to be opened with.
func (j *Journal) Events() store.Events {
	return store.Events{
		Committed:       func(c store.Commit) { j.took.Observe((c.Folders + c.Journal).Seconds()) },
		JournalFailed:   j.fails,
		JournalReopened: func() { j.fails(nil) },
	}
}

func (j *Journal) fails(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed = err
}

// Failed is why the journal cannot be written; nil: it can, as far as is known.
func (j *Journal) Failed() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// page draws up what Prometheus asks for.
type page struct {
	o     Options
	descs map[string]*prometheus.Desc

	mu     sync.Mutex // guards what follows
	places map[string]bool
	types  map[string]bool
}

func newPage(o Options) *page {
	p := &page{o: o, descs: map[string]*prometheus.Desc{}, places: map[string]bool{}, types: map[string]bool{}}
	for _, f := range families {
		p.descs[f.name] = prometheus.NewDesc(f.name, f.help, f.labels, nil)
	}
	return p
}

func familyOf(name string) family {
	return families[slices.IndexFunc(families, func(f family) bool { return f.name == name })]
}

// Describe names all that Collect may show.
func (p *page) Describe(to chan<- *prometheus.Desc) {
	for _, f := range families {
		to <- p.descs[f.name]
	}
}

// Collect reads the figures anew.
func (p *page) Collect(to chan<- prometheus.Metric) {
	host, ok := p.o.Figures()
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := sheet{page: p, rows: map[string]map[string]row{}, on: onEndpoint}
	if p.o.Fleet != nil {
		s.on = onHub
		s.fleet(p.o.Fleet)
	}
	s.host(host)
	for _, f := range families {
		if f.on&s.on == 0 {
			continue
		}
		for _, r := range s.rows[f.name] {
			to <- prometheus.MustNewConstMetric(p.descs[f.name], f.kind, r.value, r.labels...)
		}
	}
	if s.on == onEndpoint {
		h := host.Pauses
		below, sum := map[float64]uint64{}, uint64(0)
		for i, bound := range h.Bounds {
			sum += h.Counts[i]
			below[bound] = sum
		}
		to <- prometheus.MustNewConstHistogram(p.descs[pauseLatency], h.Count, h.Sum, below)
	}
	p.o.Journal.took.Collect(to)
}

// row is one line of a family.
type row struct {
	value  float64
	labels []string
}

// sheet is one drawing up of a page.
type sheet struct {
	*page
	on   int
	rows map[string]map[string]row // by family and labels
}

// place bounds the locations, and kind the content types; which have a row of their own does not change while the process runs.
func (p *page) place(name string) string { return bounded(p.places, name, MaxLocations) }
func (p *page) kind(name string) string  { return bounded(p.types, name, MaxTypes) }

func bounded(known map[string]bool, name string, most int) string {
	if !known[name] {
		if len(known) >= most {
			return Other
		}
		known[name] = true
	}
	return name
}

// add enters a value; rows that fall together become one. Labels are in the family's order.
func (s *sheet) add(name string, value float64, labels ...string) {
	if s.rows[name] == nil {
		s.rows[name] = map[string]row{}
	}
	key := strings.Join(labels, "\x00")
	old, ok := s.rows[name][key]
	switch {
	case ok && familyOf(name).most:
		value = max(value, old.value)
	case ok:
		value += old.value
	}
	s.rows[name][key] = row{value, labels}
}

// bytes enters what came in, of a content type or of all.
func (s *sheet) bytes(place, kind string, lan, wan, origin int64, c ledger.Counts) {
	place = s.place(place)
	for i, n := range []int64{lan, wan, origin} {
		s.add(received, float64(n), place, sources[i], kind)
	}
	for i, n := range []int64{c.Rejected, c.Duplicate, c.Canceled} {
		s.add(wasted, float64(n), place, wastes[i])
	}
}

// host enters what this host counts. Of what the hub knows of the whole fleet its own host's part is not said again.
func (s *sheet) host(f daemon.Figures) {
	role := "agent"
	if s.on == onHub {
		role = "hub"
	} else {
		s.alone(f)
	}
	for _, r := range agent.Rejections() {
		s.add(rejections, float64(f.Rejected[r]), string(r))
	}
	s.add(cacheBytes, float64(f.Cache))
	s.add(buildInfo, 1, s.o.Version, role)
}

// alone is what the hub has from the news of an endpoint, or cannot know.
func (s *sheet) alone(f daemon.Figures) {
	by := map[ledger.Class]int64{}
	var sum ledger.Counts
	for _, e := range f.Ledger {
		if e.Sent > 0 {
			s.add(sent, float64(e.Sent), s.place(e.To))
		}
		by[e.Class] += e.Received
		sum = sum.Add(e.Counts)
	}
	s.bytes(f.Location, "", by[ledger.LAN], by[ledger.WAN], by[ledger.Origin], sum)
	s.add(sent, 0, s.place(f.Location))
	for _, state := range states {
		s.add(flows, float64(f.Flows[state]), f.Location, state)
	}
	s.add(rate, f.Rate, f.Location, "")
	s.add(apartHosts, float64(f.Apart), f.Location)
	for _, w := range f.Ways {
		s.add(queueDelay, w.Queue/1e3, s.place(w.To))
	}
	for _, h := range f.Harm {
		if h.Added != nil {
			s.add(harmDelay, *h.Added/1e3, s.place(h.Location))
		}
	}
	s.reasons(f.Figures)
}

func (s *sheet) reasons(f agent.Figures) {
	for _, r := range Labels(stalled, "reason") {
		s.add(stalled, 0, r)
	}
	for r, d := range f.Stalled {
		s.add(stalled, time.Duration(d).Seconds(), r.String())
	}
	for _, r := range Labels(refusals, "reason") {
		s.add(refusals, 0, r)
	}
	for r, n := range f.Refused {
		s.add(refusals, float64(n), r.String())
	}
	s.add(refetched, float64(f.Refetched))
	s.add(reports, float64(f.Direct), ways[0])
	s.add(reports, float64(f.Relayed), ways[1])
}

// fleet enters what the hub knows of all locations.
func (s *sheet) fleet(x Fleet) {
	for _, b := range x.Books() {
		s.bytes(b.Location, s.kind(b.Type), b.LAN, b.WAN, b.Origin, b.Counts)
		s.add(sent, float64(b.Sent), s.place(b.Location))
	}
	direct, relayed, refused := x.Reports()
	for i, n := range []int64{direct, relayed, refused} {
		s.add(reports, float64(n), ways[i])
	}
	c := x.Census()
	for i := range c.Locations {
		s.location(&c.Locations[i])
	}
}

func (s *sheet) location(l *board.Location) {
	place, f := s.place(l.Name), l.Flows
	for i, n := range []int{f.Resolving, f.Fetching, f.Waiting, f.Assembling, f.Paused, f.Done, f.Failed, f.Cancelled} {
		s.add(flows, float64(n), place, states[i])
	}
	s.add(apartHosts, float64(l.Hosts.Apart), place)
	s.add(rate, l.Now.LAN, place, "lan")
	s.add(rate, l.Now.WAN, place, "wan")
	if l.Now.Queue != nil {
		s.add(queueDelay, *l.Now.Queue/1e3, place)
	}
	if l.Harm.Added != nil {
		s.add(harmDelay, *l.Harm.Added/1e3, place)
	}
	if l.Amplification != nil && place != Other { // of several no ratio follows
		s.add(amplification, *l.Amplification, place)
	}
}
