// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
)

// posts sends an order as JSON; it must be taken.
func (w *world) posts(c *http.Client, order string) (e desired.Entry) {
	w.Helper()
	resp, body := w.asks(c, "POST", "/api/v1/steer", order)
	if err := json.Unmarshal([]byte(body), &e); resp.StatusCode != http.StatusCreated || err != nil {
		w.Fatalf("%s: %s, %s", order, resp.Status, body)
	}
	return e
}

// nothing is what the preview says of a fleet in which nobody reported to the hub.
const nothing = `"seen":{"endpoints":0,"locations":0,"contents":0,"flows":0,"nothing":true}`

func TestWhatIsOrderedHoldsAndCanBeUndone(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Operator)
	before := w.clock()
	e := w.posts(c, `{"verb":"pause","selector":"location=berlin","for":"2h",`+nothing+`}`)
	if d := e.Command.Until.Sub(before); e.Who != "ada" || d < 2*time.Hour-time.Second || d > 2*time.Hour+time.Minute || !e.Touched.Nothing {
		t.Errorf("%+v", e)
	}
	if x := get[orders](w, c, "/api/v1/orders").Documents; len(x) != 1 || !x[0].Paused || x[0].Scope.Location != "berlin" {
		t.Errorf("what holds is %+v", x)
	}
	undo := w.posts(c, `{"verb":"undo","undo":"`+e.ID+`"}`)
	w.refused(c, http.StatusConflict, "POST", "/api/v1/steer", `{"verb":"undo","undo":"`+e.ID+`"}`)
	x := get[audit](w, c, "/api/v1/audit").Entries
	if len(x) != 2 || x[0].ID != undo.ID || x[1].UndoneBy != undo.ID || x[0].UndoneBy != "" {
		t.Errorf("the audit says %+v", x)
	}
	if x := get[audit](w, c, "/api/v1/audit?before="+undo.ID).Entries; len(x) != 1 || x[0].ID != e.ID {
		t.Errorf("older than the undo are %+v", x)
	}
}

func TestOrdersAreRefusedInWords(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Operator)
	for order, status := range map[string]int{
		`{`: 400, `{"verb":"pause"}`: 400, `{"verb":"pause","selector":"location=BERLIN"}`: 400, `{"verb":"pause","selector":"colour=red"}`: 400,
		`{"verb":"pause","selector":"all","more":1}`: 400, `{"verb":"ban","selector":"peer=` + peerA + `"}`: 400, `{"verb":"revoke","selector":"peer=` + peerA + `"}`: 400,
		`{"verb":"pause","selector":"all","for":"soon"}`: 400, `{"verb":"pause","selector":"all","for":"-1h"}`: 400, `{"verb":"resume","selector":"all","for":"1h"}`: 400,
		`{"verb":"prioritize","selector":"all"}`: 400, `{"verb":"prioritize","selector":"all","priority":101}`: 400, `{"verb":"pause","selector":"all","priority":1}`: 400,
		`{"verb":"stop","selector":"location=berlin"}`: 400, `{"verb":"undo","undo":"a1"}`: 404, `{"verb":"undo","undo":"x"}`: 404, `{"verb":"undo"}`: 404,
		`{"verb":"pause","selector":"` + strings.Repeat("x", 2*maxBody) + `"}`: 413,
	} {
		w.refused(c, status, "POST", "/api/v1/steer", order)
		w.refused(c, status, "POST", "/api/v1/steer/preview", order)
	}
	w.refused(c, http.StatusConflict, "POST", "/api/v1/steer", `{"verb":"pause","selector":"location=berlin"}`) // it touches nothing, and nobody saw that
	w.refused(c, http.StatusConflict, "POST", "/api/v1/steer", `{"verb":"pause","selector":"location=berlin","seen":{"endpoints":3}}`)
	if x := get[audit](w, c, "/api/v1/audit").Entries; len(x) != 0 {
		t.Errorf("what was refused is in the audit: %+v", x)
	}
}

// No more is done than what was seen; where that was everything, what came since belongs to it.
func TestWhatIsDoneIsWhatWasSeen(t *testing.T) {
	some := desired.Preview{Endpoints: 3, Locations: 1, Contents: 2, Flows: 4}
	for _, x := range []struct {
		now  desired.Preview
		want bool
	}{
		{some, true}, {desired.Preview{Endpoints: 3, Locations: 1, Contents: 2}, true}, {desired.Preview{Endpoints: 4, Locations: 1, Contents: 2, Flows: 4}, false},
		{desired.Preview{Endpoints: 3, Locations: 2, Contents: 2, Flows: 4}, false}, {desired.Preview{Endpoints: 3, Locations: 1, Contents: 3, Flows: 4}, false},
		{desired.Preview{Endpoints: 3, Locations: 1, Contents: 2, Flows: 5}, false}, {desired.Preview{Nothing: true}, false},
		{desired.Preview{Endpoints: 3, Locations: 1, Contents: 2, Flows: 4, Everything: true}, false},
	} {
		if got := covers(some, x.now); got != x.want {
			t.Errorf("%+v covers %+v: %v", some, x.now, got)
		}
	}
	if !covers(desired.Preview{Endpoints: 1, Everything: true}, desired.Preview{Endpoints: 9, Everything: true}) {
		t.Error("who saw that it is everything did not see what came since")
	}
}

func TestAViewerSteersNothing(t *testing.T) {
	w := newWorld(t, 0)
	viewer, operator := w.somebody(gate.Viewer), w.somebody(gate.Operator)
	order := `{"verb":"pause","selector":"location=berlin",` + nothing + `}`
	w.refused(viewer, http.StatusForbidden, "POST", "/api/v1/steer", order)
	w.refused(viewer, http.StatusForbidden, "POST", "/api/v1/steer/preview", order)
	w.posts(operator, order)
	for _, path := range []string{"/", "/locations/berlin", "/contents?type=app", "/contents/image", "/peers/" + peerA} {
		_, seen := w.asks(viewer, "GET", path, "")
		if strings.Contains(seen, `"/steer"`) || strings.Contains(seen, "Resume") {
			t.Errorf("a viewer is shown buttons on %s", path)
		}
		if _, seen := w.asks(operator, "GET", path, ""); !strings.Contains(seen, `value="pause"`) {
			t.Errorf("an operator is shown none on %s", path)
		}
	}
	if _, seen := w.asks(viewer, "GET", "/locations/berlin", ""); !strings.Contains(seen, "Paused: location=berlin") {
		t.Error("a viewer is not told of the pause")
	}
}

// A browser without JavaScript: a form, what it would touch, a form, what came of it, undo.
func TestPlainFormsAreEnough(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Operator)
	typed := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	fields := regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)
	form := func(page string) string { // of the last one in a page, with what is in it
		page = page[strings.LastIndex(page, `<form method="post" action="/steer"`):]
		v := url.Values{}
		for _, m := range fields.FindAllStringSubmatch(page, -1) {
			v.Set(m[1], html.UnescapeString(m[2]))
		}
		return v.Encode()
	}
	ask := "/steer?" + url.Values{"verb": {"prioritize"}, "selector": {"location=berlin"}, "for": {"90m"}, "priority": {"40"}}.Encode()
	resp, page := w.asks(c, "GET", ask, "")
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, "prioritize location=berlin to 40 until ") || !strings.Contains(page, "0 endpoints in 0 locations") {
		t.Fatalf("%s: %s", resp.Status, page)
	}
	if x := w.Desired(); len(x) != 0 {
		t.Fatalf("a preview ordered %+v", x)
	}
	resp, _ = w.asks(c, "POST", "/steer", form(page), typed)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.Status)
	}
	_, page = w.asks(c, "GET", resp.Header.Get("Location"), "")
	if x := w.Desired(); !strings.Contains(page, "by ada") || len(x) != 1 || x[0].Priority != 40 {
		t.Fatalf("%+v: %s", x, page)
	}
	if resp, _ = w.asks(c, "POST", "/steer", form(page), typed); resp.StatusCode != http.StatusSeeOther || !w.Desired()[0].Void {
		t.Errorf("undo: %s, %+v", resp.Status, w.Desired())
	}
	resp, page = w.asks(c, "POST", "/steer", form(page), typed)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(page, "something else was ordered since") {
		t.Errorf("undo again: %s", resp.Status)
	}
	seen := url.Values{"verb": {"pause"}, "selector": {"location=berlin"}, "seen": {`{"endpoints":1}`}}.Encode()
	if resp, page = w.asks(c, "POST", "/steer", seen, typed); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "become more than what was shown") {
		t.Errorf("what was not seen: %s %s", resp.Status, page)
	}
	if resp, page = w.asks(c, "GET", "/steer?verb=pause&selector=all&for=soon", ""); resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "such as 30m or 2h") {
		t.Errorf("a bad form: %s", resp.Status)
	}
}

func TestBannersTellWhatIsPaused(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Operator)
	shows := func(path, text string, want bool) {
		t.Helper()
		if _, page := w.asks(c, "GET", path, ""); strings.Contains(page, text) != want {
			t.Errorf("%s says %q: %v", path, text, !want)
		}
	}
	w.posts(c, `{"verb":"pause","selector":"type=os-image","for":"1h",`+nothing+`}`)
	for path, want := range map[string]bool{"/": true, "/contents?type=os-image": true, "/contents/image": true, "/contents/tool": false, "/locations/berlin": false} {
		shows(path, "Paused: type=os-image", want)
	}
	w.posts(c, `{"verb":"stop","selector":"all",`+nothing+`}`)
	shows("/locations/berlin", "Everything is stopped", true)
	w.posts(c, `{"verb":"resume","selector":"all",`+nothing+`}`)
	for _, path := range []string{"/", "/contents/image", "/locations/berlin"} {
		shows(path, `class="banner"`, false)
	}
	w.posts(c, `{"verb":"pause","selector":"all","for":"1h",`+nothing+`}`)
	shows("/peers/"+peerA, "Everything is paused", true)
	w.posts(c, `{"verb":"resume","selector":"peer=`+peerA+`",`+nothing+`}`)
	shows("/peers/"+peerA, "Everything is paused", false)
	shows("/peers/"+peerB, "Everything is paused", true)
	w.passes(61 * time.Minute)
	shows("/", `class="banner"`, false)
}
