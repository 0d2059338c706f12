// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ebbproject/ebb/chromium"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
)

// everyPage is the addresses of one page of each kind, with something on it.
func (w *world) everyPage() []string {
	w.Helper()
	e, err := w.Steer(w.Context(), "ada", desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Location: "berlin"}, Yes: true})
	if err == nil {
		_, err = w.Steer(w.Context(), "ada", desired.Command{Verb: desired.DoSet, Key: "limits.download", Value: "20Mbit", Yes: true})
	}
	if err != nil {
		w.Fatal(err)
	}
	return []string{"/", "/locations", "/locations?q=nothing", "/locations/berlin", "/locations/berlin?q=nothing", "/contents", "/contents?type=app", "/contents/image",
		"/peers", "/peers/" + peerA, "/policies", "/audit", "/steer?verb=pause&selector=all", "/steer/" + e.ID, "/locations/nowhere", "/login"}
}

// Whoever hears a page instead of seeing it hears of each control and each column what it is, and finds the way by headings and landmarks.
func TestEveryPageCanBeHeard(t *testing.T) {
	w := newWorld(t, 60)
	b := withBrowser(w)
	b.Expect("Failed to load resource") // there is no location nowhere
	b.signsIn(gate.Admin)
	for _, path := range w.everyPage() {
		b.goes(path)
		b.waits(`document.readyState === "complete" && (!document.getElementById("live") || document.getElementById("state").dataset.state === "on") &&
			(!document.getElementById("chart") || document.querySelector("#chart .u-legend") !== null)`)
		for _, wrong := range unheard(b.Reads()) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
}

// unheard is what is wrong with a page for who hears it.
func unheard(list []chromium.Sound) (wrong []string) {
	named := []string{"link", "button", "textbox", "searchbox", "combobox", "checkbox", "progressbar", "image", "table", "columnheader", "rowheader", "navigation", "search",
		"region", "heading", "RootWebArea", "DisclosureTriangle"}
	count := map[string]int{}
	level := 0
	for _, s := range list {
		count[s.Role]++
		if s.Name == "" && slices.Contains(named, s.Role) {
			wrong = append(wrong, fmt.Sprintf("a %s without a name", s.Role))
		}
		if s.Role != "heading" {
			continue
		}
		if s.Level > level+1 {
			wrong = append(wrong, fmt.Sprintf("heading %q of level %d after one of level %d", s.Name, s.Level, level))
		}
		if level = s.Level; level == 1 {
			count["h1"]++
		}
	}
	for _, one := range []string{"h1", "main", "banner", "contentinfo"} {
		if count[one] != 1 {
			wrong = append(wrong, fmt.Sprintf("%d of %s", count[one], one))
		}
	}
	if count["table"] > 0 && (count["columnheader"] == 0 || count["rowheader"] == 0) {
		wrong = append(wrong, "a table without headers")
	}
	return wrong
}

// What is held against pages finds what it is for.
func TestUnheardFindsIt(t *testing.T) {
	good := []chromium.Sound{{Role: "RootWebArea", Name: "x"}, {Role: "banner"}, {Role: "main"}, {Role: "heading", Name: "x", Level: 1}, {Role: "heading", Name: "y", Level: 2},
		{Role: "contentinfo"}}
	if wrong := unheard(good); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	for what, bad := range map[string][]chromium.Sound{
		"no name":      {{Role: "button"}},
		"another h1":   {{Role: "heading", Name: "z", Level: 1}},
		"a level left": {{Role: "heading", Name: "z", Level: 4}},
		"a bare table": {{Role: "table", Name: "z"}},
		"another main": {{Role: "main"}},
	} {
		if wrong := unheard(append(slices.Clone(good), bad...)); len(wrong) != 1 {
			t.Errorf("%s: %q", what, wrong)
		}
	}
}
