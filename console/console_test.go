// SPDX-License-Identifier: Apache-2.0

package console

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/pulse"
)

// What ends asynchronously, such as connections of clients, has a while for it on a busy machine.
func TestMain(m *testing.M) {
	code := m.Run()
	var left error
	for range 30 {
		if left = goleak.Find(); left == nil { // which waits for a moment, too
			break
		}
	}
	if code == 0 && left != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left:", left)
		code = 1
	}
	os.Exit(code)
}

func TestItListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:1", "[::]:1", "192.0.2.1:1"} {
		if err := CheckAddr(netip.MustParseAddrPort(addr)); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(Options{Listener: l}); !errors.Is(err, ErrNotLoopback) {
		t.Error(err)
	}
}

// A site of an attacker whose name points at 127.0.0.1 is refused before anything else is looked at, with a session and without.
func TestForeignHostsAreRefused(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Admin)
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", ""} {
		set := func(r *http.Request) { r.Host = host }
		if host == "" {
			set = func(r *http.Request) { r.Host = "localhost" } // without its port
		}
		w.refused(c, http.StatusMisdirectedRequest, "GET", "/api/v1/overview", "", set)
	}
	for _, host := range []string{w.server.addr.String(), fmt.Sprintf("LOCALHOST:%d", w.server.addr.Port()), "console.example.org"} {
		if resp, _ := w.asks(w.somebody(gate.Nobody), "GET", "/api/v1/openapi.json", "", func(r *http.Request) { r.Host = host }); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", host, resp.Status)
		}
	}
}

func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Admin)
	for name, set := range map[string]func(*http.Request){
		"fetch metadata": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"origin":         func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"other port":     func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
	} {
		t.Log(name)
		w.refused(c, http.StatusForbidden, "POST", "/api/v1/links", `{"name":"eve","role":"admin"}`, set)
		w.refused(c, http.StatusForbidden, "DELETE", "/api/v1/session", "", set)
	}
	if resp, _ := w.asks(c, "GET", "/api/v1/session", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("the session has gone: %s", resp.Status)
	}
}

func TestNobodySeesNothing(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Nobody)
	for _, r := range w.server.routes() {
		if r.role == gate.Nobody {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{location}", "berlin", "{content}", "image", "{peer}", peerA, "{entry}", "a1").Replace(r.path)
		if strings.HasPrefix(path, "/api/") {
			w.refused(c, http.StatusUnauthorized, r.method, path, "")
			continue
		}
		if r.method != "GET" {
			if resp, _ := w.asks(c, r.method, path, ""); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s: %s", r.method, path, resp.Status)
			}
			continue
		}
		if resp, body := w.asks(c, r.method, path, ""); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" || strings.Contains(body, "berlin") {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestRolesAreKept(t *testing.T) {
	w := newWorld(t, 0)
	viewer, operator, admin := w.somebody(gate.Viewer), w.somebody(gate.Operator), w.somebody(gate.Admin)
	link := `{"name":"bob","role":"viewer"}`
	w.refused(viewer, http.StatusForbidden, "GET", "/api/v1/audit", "")
	w.refused(viewer, http.StatusForbidden, "POST", "/api/v1/links", link)
	w.refused(operator, http.StatusForbidden, "POST", "/api/v1/links", link)
	if resp, body := w.asks(viewer, "GET", "/audit", ""); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "takes the role operator") {
		t.Errorf("a viewer's audit: %s", resp.Status)
	}
	if resp, body := w.asks(admin, "POST", "/api/v1/links", link); resp.StatusCode != http.StatusCreated || !strings.Contains(body, "/login?link=") {
		t.Errorf("an admin's link: %s %s", resp.Status, body)
	}
	if _, body := w.asks(viewer, "GET", "/", ""); strings.Contains(body, `href="/audit"`) {
		t.Error("a viewer is shown the way to what is refused")
	}
	events := get[audit](w, operator, "/api/v1/audit").Events
	if len(events) != 8 || events[0].Action != "link for bob as viewer" || events[1].Result != "refused" {
		t.Errorf("the audit says %+v", events)
	}
}

func TestALinkIsGoodOnceAndNotUsedUpByLooking(t *testing.T) {
	w := newWorld(t, 0)
	link, err := url.Parse(w.link(gate.Viewer))
	if err != nil {
		t.Fatal(err)
	}
	c := w.somebody(gate.Nobody)
	for range 3 {
		if resp, body := w.asks(c, "GET", link.RequestURI(), ""); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sign in") {
			t.Fatal(resp.Status)
		}
	}
	form := url.Values{"link": {link.Query().Get("link")}}.Encode()
	typed := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	resp, _ := w.asks(c, "POST", "/login", form, typed)
	cookie := resp.Header.Get("Set-Cookie")
	if resp.StatusCode != http.StatusSeeOther || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Fatalf("%s with %q", resp.Status, cookie)
	}
	for _, again := range []string{form, "link=", "link=nonsense", ""} {
		if resp, body := w.asks(w.somebody(gate.Nobody), "POST", "/login", again, typed); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "ebb console") {
			t.Errorf("%q: %s", again, resp.Status)
		}
	}
	if resp, _ := w.asks(c, "POST", "/logout", "", typed); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.Status)
	}
	w.refused(c, http.StatusUnauthorized, "GET", "/api/v1/session", "")
}

func TestBadRequestsAreRefusedInWords(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Admin)
	for path, status := range map[string]int{
		"/api/v1/locations?sort=colour": 400, "/api/v1/locations?page=0": 400, "/api/v1/locations?size=1000000": 400, "/api/v1/contents?order=up": 400,
		"/api/v1/contents?q=" + strings.Repeat("x", 200): 400, "/api/v1/locations/rome": 404, "/api/v1/locations/rome/history": 404,
		"/api/v1/contents/nothing": 404, "/api/v1/peers/nobody": 404, "/api/v1/nothing": 404,
	} {
		w.refused(c, status, "GET", path, "")
	}
	for body, status := range map[string]int{`{`: 400, `{"role":"king","name":"x"}`: 400, `{"role":"viewer","name":""}`: 400, `{"role":"viewer","more":1}`: 400,
		`{"name":"` + strings.Repeat("x", 2*maxBody) + `"}`: 413} {
		w.refused(c, status, "POST", "/api/v1/links", body)
	}
	for _, path := range []string{"/static/../console.go", "/static/", "/static/vendor", "/static/nothing"} {
		if resp, _ := w.asks(c, "GET", path, ""); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is there", path)
		}
	}
}

func TestPagesAskNoOtherHost(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Admin)
	for _, path := range []string{"/", "/locations", "/locations/berlin", "/contents", "/contents/image", "/peers/" + peerA, "/audit", "/login", "/locations/rome"} {
		resp, body := w.asks(c, "GET", path, "")
		for _, bad := range []string{"http://", "https://", "src=\"//", " style=", "onclick", "<style", "javascript:"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s contains %q", path, bad)
			}
		}
		h := resp.Header
		if !strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s lacks headers: %v", path, h)
		}
	}
}

// A location whose hosts live and do not reach one another is told as divided wherever it is shown, and not before.
func TestADividedLocationIsShown(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Viewer)
	pages := map[string]string{"/": ">divided<", "/locations": ">divided<", "/locations/berlin": "Divided", "/peers/" + peerA: "divided",
		"/api/v1/locations/berlin": `"apart":2`, "/api/v1/peers/" + peerA: `"apart":["` + peerB + `"]`}
	shows := func(want bool) {
		t.Helper()
		for path, text := range pages {
			if _, body := w.asks(c, "GET", path, ""); strings.Contains(body, text) != want {
				t.Errorf("%s contains %s: %v, want %v", path, text, !want, want)
			}
		}
	}
	shows(false)
	w.passes(10 * time.Second)
	id := fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleAgent, Location: "berlin", Peer: peerA}
	w.mu.Lock() // an attempt that began 5 s after both were first heard, and both are heard again 5 s later
	w.known.Directory.Announced(w.now(), id, fleet.SyncRequest{Instance: peerA, Unanswered: []fleet.Unanswered{{Peer: peerB, Tried: 5000}}})
	id.Peer = peerB
	w.known.Directory.Announced(w.now().Add(time.Second), id, fleet.SyncRequest{Instance: peerB})
	w.mu.Unlock()
	shows(true)
}

// What hosts and publishers call things is text and never markup.
func TestNamesAreText(t *testing.T) {
	w := newWorld(t, 0)
	x := w.known.Contents[tool]
	x.Name, x.Type = `<script>alert(1)</script>`, `"><img src=x>`
	w.known.Contents[tool] = x
	if _, body := w.asks(w.somebody(gate.Viewer), "GET", "/contents", ""); strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
		t.Error("a name became markup")
	}
}

func TestListsAreFoundSortedAndCut(t *testing.T) {
	w := newWorld(t, 3000)
	c := w.somebody(gate.Viewer)
	l := get[List[board.Location]](w, c, "/api/v1/locations?sort=flows&order=desc&size=10")
	if l.Total != 3002 || l.Pages != 301 || len(l.Items) != 10 || l.Items[0].Name != "berlin" || l.Items[0].Flows.Open() != 2 {
		t.Errorf("by flows: %+v", l)
	}
	l = get[List[board.Location]](w, c, "/api/v1/locations?q=SHOP-01&page=3&size=40")
	if l.Total != 100 || l.Pages != 3 || l.Page != 3 || len(l.Items) != 20 || l.Items[19].Name != "shop-0199" {
		t.Errorf("found: %d on %d pages, page %d with %d", l.Total, l.Pages, l.Page, len(l.Items))
	}
	l = get[List[board.Location]](w, c, "/api/v1/locations?region=south&page=999999")
	if l.Total != 1500 || l.Page != l.Pages {
		t.Errorf("region: %+v", l.Total)
	}
	for _, column := range locationColumns {
		get[List[board.Location]](w, c, "/api/v1/locations?order=desc&sort="+column)
	}
	for _, column := range contentColumns {
		if x := get[List[board.Content]](w, c, "/api/v1/contents?sort="+column); x.Total != 2 {
			t.Errorf("by %s: %d contents", column, x.Total)
		}
	}
	if x := get[List[board.Content]](w, c, "/api/v1/contents?type=app"); x.Total != 1 || x.Items[0].Name != "tool" {
		t.Errorf("of a type: %+v", x)
	}
	if _, body := w.asks(c, "GET", "/locations?q=berlin", "", func(r *http.Request) { r.Header.Set("HX-Request", "true") }); !strings.HasPrefix(body, `<div id="live"`) ||
		!strings.Contains(body, "left-to-neighbour") {
		t.Errorf("the part that moves is %.300s", body)
	}
}

// So is a content that many locations have.
func TestLocationsOfAContentAreFoundSortedAndCut(t *testing.T) {
	w := newWorld(t, 0)
	w.mu.Lock()
	for i := range 600 {
		name := fmt.Sprintf("shop-%04d", i)
		w.reports(name, fmt.Sprintf("1%015x", i), fleet.SyncRequest{Holdings: []fleet.Holding{{Content: image, Chunks: 4, Complete: true}}})
	}
	w.mu.Unlock()
	c := w.somebody(gate.Viewer)
	list := func(query string) List[board.Share] {
		return get[List[board.Share]](w, c, "/api/v1/contents/image/locations"+query)
	}
	if l := list(""); l.Total != 602 || l.Pages != 13 || l.Items[0].Location != "berlin" || l.Items[0].Flows.Open() != 2 || l.Items[1].Flows.Open() != 0 {
		t.Errorf("where most fetch first: %+v", l)
	}
	if l := list("?q=SHOP-05&sort=location&order=desc&size=30&page=4"); l.Total != 100 || len(l.Items) != 10 || l.Items[9].Location != "shop-0500" {
		t.Errorf("found: %+v", l)
	}
	for _, column := range shareColumns {
		if l := list("?sort=" + column); l.Total != 602 {
			t.Errorf("by %s: %d locations", column, l.Total)
		}
	}
	_, page := w.asks(c, "GET", "/contents/image?sort=location&page=13", "")
	if n := strings.Count(page, `<tr id="l-`); n != 2 || !strings.Contains(page, "shop-0599") || !strings.Contains(page, "602 found, page 13 of 13") {
		t.Errorf("%d locations on the last page: %s", n, page)
	}
}

// A location of many hosts is listed like everything else of which there is much, on the page and in the API.
func TestHostsOfALocationAreFoundSortedAndCut(t *testing.T) {
	w := newWorld(t, 0)
	w.mu.Lock()
	for i := range 1200 {
		peer := fmt.Sprintf("1%015x", i)
		w.reports("berlin", peer, fleet.SyncRequest{Instance: peer, Pulse: &pulse.Pulse{}})
	}
	w.mu.Unlock()
	c := w.somebody(gate.Viewer)
	list := func(query string) List[board.Host] {
		return get[List[board.Host]](w, c, "/api/v1/locations/berlin/peers"+query)
	}
	if l := list(""); l.Total != 1202 || l.Pages != 25 || len(l.Items) != 50 || l.Items[0].Flows.Open() != 1 || l.Items[2].Flows.Open() != 0 {
		t.Errorf("those that fetch first: %+v", l)
	}
	if l := list("?q=battery"); l.Total != 1 || l.Items[0].Peer != peerB {
		t.Errorf("found: %+v", l)
	}
	if l := list("?sort=peer&order=desc&size=500&page=3"); l.Page != 3 || len(l.Items) != 202 || l.Items[201].Peer != peerA || l.Items[0].Peer != "10000000000000c7" {
		t.Errorf("%d on page %d, the first is %s, the last %s", len(l.Items), l.Page, l.Items[0].Peer, l.Items[201].Peer)
	}
	for _, column := range hostColumns {
		if l := list("?sort=" + column); l.Total != 1202 {
			t.Errorf("by %s: %d hosts", column, l.Total)
		}
	}
	_, page := w.asks(c, "GET", "/locations/berlin?sort=peer&page=25", "")
	if n := strings.Count(page, `<tr id="p-`); n != 2 || !strings.Contains(page, "10000000000004af") || !strings.Contains(page, "1202 found, page 25 of 25") {
		t.Errorf("%d hosts on the last page: %s", n, page)
	}
	if _, page = w.asks(c, "GET", "/locations/berlin?q=nothing", ""); !strings.Contains(page, "No host of this location is like that") {
		t.Error("nothing found is not said")
	}
	if r, _ := w.asks(c, "GET", "/locations/berlin?sort=colour", ""); r.StatusCode != 400 {
		t.Errorf("an unknown column: %d", r.StatusCode)
	}
}

func TestEventsComeUntilTheSessionEnds(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Viewer)
	resp, err := c.Get(w.server.URL() + "api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	next := func(prefix string) string {
		for in.Scan() {
			if text, ok := strings.CutPrefix(in.Text(), prefix); ok {
				return text
			}
		}
		return ""
	}
	if next("event: ") != "overview" || !strings.Contains(next("data: "), `"left-to-neighbour"`) {
		t.Fatal("the first event is no overview")
	}
	w.passes(gate.SessionFor + time.Second) // a browser that was left open for a day
	for kind := next("event: "); kind != "end"; kind = next("event: ") {
		if kind == "" {
			t.Fatal("the events ended without a word")
		}
	}
	if !strings.Contains(next("data: "), "session") || next("event: ") != "" {
		t.Error("something follows the end")
	}
	w.refused(c, http.StatusUnauthorized, "GET", "/api/v1/events", "")
}

func TestListenersAreBounded(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Viewer)
	for range maxOfASession {
		resp, err := c.Get(w.server.URL() + "api/v1/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	w.refused(c, http.StatusTooManyRequests, "GET", "/api/v1/events", "")
}
