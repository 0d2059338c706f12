// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ebbproject/ebb/sim/plan"
)

// The page shows its plots in light and in dark, its texts are readable, and it asks nobody for anything.
func TestThePageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time: not with -short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here: apt-get install chromium")
	}
	file := filepath.Join(t.TempDir(), "plan.html")
	if err := os.WriteFile(file, pageOf(t), 0o644); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	var mu sync.Mutex
	var trouble, asked []string
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1000, 900)); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			trouble = append(trouble, ev.ExceptionDetails.Text)
		case *browserlog.EventEntryAdded:
			trouble = append(trouble, ev.Entry.Text+" "+ev.Entry.URL)
		case *network.EventRequestWillBeSent:
			asked = append(asked, ev.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{browserlog.Enable, runtime.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	papers := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, p); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file)); err != nil {
			t.Fatal(err)
		}
		says := func(expression string) string {
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if got := says(`[...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 40 && s.querySelector("text")).length + " " +
			document.querySelectorAll("svg .line").length + " " + document.querySelectorAll("svg .band").length + " " + document.querySelectorAll("svg .deadline").length + " " +
			document.querySelectorAll("svg .dot").length`); got != "6 3 3 1 43" {
			t.Errorf("%s: plots, lines, bands, deadlines and dots: %s", scheme, got)
		}
		if bad := says(contrasts); bad != "" {
			t.Errorf("%s: %s", scheme, bad)
		}
		papers[says(`getComputedStyle(document.documentElement).backgroundColor`)] = true
		if wide := says(`document.documentElement.scrollWidth > window.innerWidth ? "wide" : ""`); wide != "" {
			t.Errorf("%s: the page is wider than the window", scheme)
		}
	}
	if len(papers) != 2 {
		t.Error("dark is as light")
	}
	mu.Lock()
	defer mu.Unlock()
	for _, text := range trouble {
		t.Error("the page complains:", text)
	}
	for _, url := range asked {
		if !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "data:") {
			t.Error("the page asked for", url)
		}
	}
	if err := chromedp.Cancel(ctx); err != nil {
		t.Error("Chromium did not end:", err)
	}
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
