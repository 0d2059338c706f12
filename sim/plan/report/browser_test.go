// SPDX-License-Identifier: Apache-2.0

package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ebbproject/ebb/chromium"
	"github.com/ebbproject/ebb/sim/plan"
)

// The page shows its plots in light and in dark, its texts are readable, and it asks nobody for anything.
func TestThePageInABrowser(t *testing.T) {
	page := chromium.Open(t, 1000, 900)
	file := filepath.Join(t.TempDir(), "plan.html")
	if err := os.WriteFile(file, pageOf(t), 0o644); err != nil {
		t.Fatal(err)
	}
	papers := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		page.Prefers(scheme)
		page.Does(chromedp.Navigate("file://" + file))
		if got := page.Says(`[...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 40 && s.querySelector("text")).length + " " +
			document.querySelectorAll("svg .line").length + " " + document.querySelectorAll("svg .band").length + " " + document.querySelectorAll("svg .deadline").length + " " +
			document.querySelectorAll("svg .dot").length`); got != "6 3 3 1 43" {
			t.Errorf("%s: plots, lines, bands, deadlines and dots: %s", scheme, got)
		}
		if bad := page.Says(contrasts); bad != "" {
			t.Errorf("%s: %s", scheme, bad)
		}
		papers[page.Says(`getComputedStyle(document.documentElement).backgroundColor`)] = true
		if wide := page.Says(`document.documentElement.scrollWidth > window.innerWidth ? "wide" : ""`); wide != "" {
			t.Errorf("%s: the page is wider than the window", scheme)
		}
	}
	if len(papers) != 2 {
		t.Error("dark is as light")
	}
	page.Quiet("file:")
}

// pageOf is a page with everything that one can have; a name of it tries to be markup.
func pageOf(t *testing.T) []byte {
	f, r := folded(t, 5)
	r.Name = `Forty shops <img src="http://evil.example/x">`
	for _, x := range f.Remedies(r)[:2] {
		r.Played(x, []plan.Outcome{thumb(&x.Scenario, 1)})
	}
	r.Sweep = &Sweep{Axes: []SweepAxis{{"down", []string{"2Mbit", "4Mbit"}}, {"size", []string{"1GB", "2GB"}}}, Order: "image"}
	for _, v := range [][]string{{"2Mbit", "1GB"}, {"2Mbit", "2GB"}, {"4Mbit", "1GB"}, {"4Mbit", "2GB"}} {
		r.Sweep.Points = append(r.Sweep.Points, f.Swept(v))
	}
	return r.Page()
}

// contrasts lists texts whose contrast to what is behind them is below 4.5, those of plots too; cells of the map are on colours of their own.
const contrasts = `(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
	const light = (c) => { const f = c.slice(0, 3).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
	const behind = (e) => { if (!e) return [255, 255, 255, 1]; const c = parse(getComputedStyle(e).backgroundColor); return c[3] === 1 ? c : behind(e.parentElement); };
	const bad = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (e.tagName === "title" || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const drawn = e.namespaceURI.endsWith("svg");
		const back = e.matches(".cell") ? parse(getComputedStyle(e.previousElementSibling).fill) : behind(e), front = parse(drawn ? getComputedStyle(e).fill : getComputedStyle(e).color);
		const [x, y] = [light(front), light(back)].sort((p, q) => q - p);
		if ((x + .05) / (y + .05) < 4.5) bad.add(e.textContent.trim().slice(0, 30) + " " + ((x + .05) / (y + .05)).toFixed(2));
	}
	return [...bad].join(", ");
})()`
