// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer"
)

// promised is the list that users were told of.
var promised = []string{"ebb_received_bytes_total", "ebb_sent_bytes_total", "ebb_wan_amplification_ratio", "ebb_wasted_bytes_total", "ebb_flows",
	"ebb_queue_delay_seconds", "ebb_rate_bits_per_second", "ebb_stall_seconds_total", "ebb_chunk_rejections_total", "ebb_peer_refusals_total",
	"ebb_resume_refetched_bytes_total", "ebb_journal_commit_seconds", "ebb_cache_bytes", "ebb_pause_latency_seconds",
	"ebb_harm_added_delay_seconds", "ebb_reports_total", "ebb_apart_hosts", "ebb_build_info"}

func ptr[T any](v T) *T { return &v }

// endpoint is a host that has counted something of everything.
func endpoint() (daemon.Figures, bool) {
	return daemon.Figures{
		Figures: agent.Figures{Stalled: map[scheduler.Reason]time.Duration{scheduler.NoPeers: 90 * time.Second},
			Rejected: map[agent.Rejection]int64{agent.RejectedHash: 2}, Refused: map[transfer.Reason]int64{transfer.ReasonBattery: 3}, Refetched: 512,
			Direct: 4, Relayed: 9,
			Pauses: agent.Histogram{Bounds: []float64{1, 5}, Counts: []uint64{2, 1}, Count: 4, Sum: 70}},
		Location: "berlin", Hub: api.HubStatus{Reachable: true}, Apart: 2, Flows: map[string]int{"waiting": 1}, Rate: 8e6, Cache: 4096,
		Ledger: []ledger.Entry{{Key: ledger.Key{From: "oslo", To: "berlin", Class: ledger.WAN}, Counts: ledger.Counts{Received: 100, Duplicate: 7}},
			{Key: ledger.Key{From: "berlin", To: "oslo", Class: ledger.WAN}, Counts: ledger.Counts{Sent: 11}}},
		Ways: []pulse.Way{{To: "oslo", Queue: 25}}, Harm: []api.HarmTo{{Location: "oslo", Added: ptr(1.5)}, {Location: "rome"}},
	}, true
}

// fleet is so many locations of which the hub knows.
type fleet int

func (n fleet) Books() (list []board.Book) {
	for i := range int(n) {
		list = append(list, board.Book{Total: ledger.Total{Place: ledger.Place{Location: fmt.Sprintf("shop-%05d", i)}, WAN: 10,
			Counts: ledger.Counts{Sent: 10, Rejected: 1}}})
	}
	return list
}

func (n fleet) Reports() (direct, relayed, refused int64) { return 5, 10, 1 }

func (n fleet) Census() *board.Census {
	c := &board.Census{}
	for i := range int(n) {
		c.Locations = append(c.Locations, board.Location{Name: fmt.Sprintf("shop-%05d", i), Flows: board.Flows{Fetching: 1},
			Now: board.Now{WAN: 100, Queue: ptr(float64(i))}, Amplification: ptr(1.01), Harm: board.Harm{Added: ptr(2.0)}, Hosts: board.Hosts{Apart: 4}})
	}
	return c
}

func pageOf(f Fleet) *page {
	j := NewJournal()
	j.Events().Committed(store.Commit{Journal: 3 * time.Millisecond})
	return newPage(Options{Figures: endpoint, Journal: j, Fleet: f, Version: "test"})
}

// shown is every row of a page.
func shown(t *testing.T, p *page) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(p)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]float64{}
	for _, f := range all {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetValue() == "" {
					continue
				}
				labels = append(labels, l.GetName()+"="+l.GetValue())
				allowed := Labels(f.GetName(), l.GetName())
				if allowed != nil && !slices.Contains(allowed, l.GetValue()) {
					t.Errorf("%s: %s=%q is not of the closed list %v", f.GetName(), l.GetName(), l.GetValue(), allowed)
				}
				if !slices.Contains([]string{"location", "content_type", "source", "class", "reason", "state", "version", "role"}, l.GetName()) {
					t.Errorf("%s has the label %s", f.GetName(), l.GetName())
				}
			}
			key := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Histogram != nil:
				rows[key] = m.Histogram.GetSampleSum()
			case m.Counter != nil:
				rows[key] = m.Counter.GetValue()
			default:
				rows[key] = m.Gauge.GetValue()
			}
		}
	}
	return rows
}

func TestEveryPromisedNameIsShown(t *testing.T) {
	if names := slices.Sorted(slices.Values(promised)); !slices.Equal(names, Names()) {
		t.Errorf("the families are\n%v, promised are\n%v", Names(), names)
	}
	ends, hubs := shown(t, pageOf(nil)), shown(t, pageOf(fleet(2)))
	has := func(rows map[string]float64, name string) bool {
		for key := range rows {
			if strings.HasPrefix(key, name+"{") {
				return true
			}
		}
		return false
	}
	for _, f := range families {
		if got := has(ends, f.name); got != (f.on&onEndpoint != 0) {
			t.Errorf("an endpoint shows %s: %v", f.name, got)
		}
		if got := has(hubs, f.name); got != (f.on&onHub != 0) {
			t.Errorf("a hub shows %s: %v", f.name, got)
		}
	}
}

func TestWhatIsShown(t *testing.T) {
	check := func(rows, want map[string]float64) {
		t.Helper()
		for key, v := range want {
			if got, ok := rows[key]; !ok || got != v {
				t.Errorf("%s is %g (%v), want %g", key, got, ok, v)
			}
		}
	}
	check(shown(t, pageOf(nil)), map[string]float64{
		"ebb_received_bytes_total{location=berlin,source=wan}": 100, "ebb_received_bytes_total{location=berlin,source=lan}": 0,
		"ebb_sent_bytes_total{location=oslo}": 11, "ebb_wasted_bytes_total{location=berlin,reason=duplicate}": 7,
		"ebb_flows{location=berlin,state=waiting}": 1, "ebb_flows{location=berlin,state=done}": 0, "ebb_queue_delay_seconds{location=oslo}": 0.025,
		"ebb_rate_bits_per_second{location=berlin}": 8e6, "ebb_stall_seconds_total{reason=no-peers}": 90, "ebb_stall_seconds_total{reason=disk-full}": 0,
		"ebb_chunk_rejections_total{reason=hash}": 2, "ebb_peer_refusals_total{reason=battery}": 3, "ebb_resume_refetched_bytes_total{}": 512,
		"ebb_journal_commit_seconds{}": 0.003, "ebb_cache_bytes{}": 4096, "ebb_pause_latency_seconds{}": 70,
		"ebb_harm_added_delay_seconds{location=oslo}": 0.0015, "ebb_reports_total{class=direct}": 4, "ebb_reports_total{class=relayed}": 9,
		"ebb_apart_hosts{location=berlin}": 2, "ebb_build_info{role=agent,version=test}": 1})
	check(shown(t, pageOf(fleet(2))), map[string]float64{
		"ebb_received_bytes_total{location=shop-00001,source=wan}": 10, "ebb_wan_amplification_ratio{location=shop-00000}": 1.01,
		"ebb_wasted_bytes_total{location=shop-00000,reason=rejected}": 1, "ebb_queue_delay_seconds{location=shop-00001}": 0.001,
		"ebb_rate_bits_per_second{location=shop-00000,source=wan}": 100, "ebb_reports_total{class=direct}": 5, "ebb_reports_total{class=relayed}": 10,
		"ebb_reports_total{class=refused}": 1, "ebb_apart_hosts{location=shop-00001}": 4, "ebb_build_info{role=hub,version=test}": 1})
}

// typed is a location into which contents of many types came.
type typed struct{ fleet }

func (typed) Books() (list []board.Book) {
	for i := range MaxTypes + 3 {
		list = append(list, board.Book{Total: ledger.Total{Place: ledger.Place{Location: "berlin"}, LAN: 5}, Type: fmt.Sprintf("type-%02d", i)})
	}
	return list
}

func TestContentTypesAreToldApartAndBounded(t *testing.T) {
	p := pageOf(typed{})
	for range 2 {
		rows := shown(t, p)
		for key, want := range map[string]float64{"{content_type=type-00,location=berlin,source=lan}": 5, "{content_type=other,location=berlin,source=lan}": 15} {
			if got := rows["ebb_received_bytes_total"+key]; got != want {
				t.Errorf("%s is %g, want %g", key, got, want)
			}
		}
	}
}

// A fleet has any number of locations; a page has a bounded number of rows, and nothing is left out of its sums.
func TestLocationsAreBounded(t *testing.T) {
	p := pageOf(fleet(MaxLocations + 5))
	for range 2 { // each is where it was before
		rows := shown(t, p)
		for key, want := range map[string]float64{"ebb_received_bytes_total{location=other,source=wan}": 50, "ebb_flows{location=other,state=fetching}": 5,
			"ebb_queue_delay_seconds{location=other}": float64(MaxLocations+4) / 1e3, "ebb_received_bytes_total{location=shop-00999,source=wan}": 10} {
			if rows[key] != want {
				t.Errorf("%s is %g, want %g", key, rows[key], want)
			}
		}
		if _, ok := rows["ebb_wan_amplification_ratio{location=other}"]; ok {
			t.Error("a ratio was made up")
		}
		if len(rows) > 25*(MaxLocations+1) {
			t.Errorf("%d rows", len(rows))
		}
	}
}

// The linter is content but for one name, which was promised: rates are bits per second everywhere in Ebb.
func TestTheLinterIsContent(t *testing.T) {
	for _, f := range []Fleet{nil, fleet(2)} {
		problems, err := testutil.CollectAndLint(pageOf(f))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Metric != rate || !strings.Contains(p.Text, "bits") {
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
	}
	for _, f := range families {
		if len(f.help) < 20 || !strings.HasSuffix(f.help, ".") {
			t.Errorf("%s: the help text %q is no sentence", f.name, f.help)
		}
	}
}

func ask(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	j, reachable, running := NewJournal(), false, true
	h := Handler(Options{Journal: j, Version: "test", Figures: func() (daemon.Figures, bool) {
		f, _ := endpoint()
		f.Hub = api.HubStatus{Reachable: reachable}
		return f, running
	}})
	see := func(path string, status int, parts ...string) {
		t.Helper()
		code, text := ask(t, h, path)
		if code != status {
			t.Errorf("%s: %d, want %d: %s", path, code, status, text)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s does not say %q: %s", path, part, text)
			}
		}
	}
	see("/livez", 200, "ok")
	see("/readyz", 200, "ok")
	see("/readyz?verbose", 200, "[+] daemon: ok", "[+] journal: ok", "[~] hub: not heard yet; work goes on")
	reachable = true
	see("/readyz?verbose", 200, "[+] hub: ok")
	j.Events().JournalFailed(errors.New("no space"))
	see("/readyz", 503, "[-] journal: no space", "not ok")
	see("/livez", 200)
	j.Events().JournalReopened()
	see("/readyz", 200)
	running = false
	see("/livez", 503, "does not answer")
	if code, _ := ask(t, h, "/metrics/else"); code != http.StatusNotFound {
		t.Errorf("another page: %d", code)
	}
}

func TestThePortIsLoopbacksOwn(t *testing.T) {
	h := Handler(Options{Journal: NewJournal(), Figures: endpoint, Version: "test"})
	if _, _, err := Serve(netip.MustParseAddrPort("0.0.0.0:0"), false, h); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("everybody may read: %v", err)
	}
	at, stop, err := Serve(netip.MustParseAddrPort("127.0.0.1:0"), false, h)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	for host, want := range map[string]int{at.String(): 200, "attacker.example": http.StatusMisdirectedRequest} {
		r, err := http.NewRequest(http.MethodGet, "http://"+at.String()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("asked as %s: %d, want %d: %s", host, resp.StatusCode, want, text)
		}
	}
}
