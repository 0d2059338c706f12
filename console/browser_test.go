// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ebbproject/ebb/chromium"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
)

// browser is a real Chromium with one page, which looks at a console.
type browser struct {
	*world
	*chromium.Page
	url string
}

const patience = chromium.Patience

// withBrowser starts Chromium, or skips the test where there is none.
func withBrowser(w *world) *browser {
	w.Helper()
	attacked := chromedp.Flag("host-resolver-rules", "MAP evil.example 127.0.0.1") // a name that an attacker points here
	return &browser{world: w, Page: chromium.Open(w, 1280, 860, attacked), url: w.server.URL()}
}

// waits until a condition in JavaScript holds, in whatever page is there then: where one page goes and another comes, the question
// is lost and asked again.
func (b *browser) waits(condition string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(patience)))
		switch {
		case err == nil:
			return
		case ctx.Err() == nil && (strings.Contains(err.Error(), "context") || strings.Contains(err.Error(), "Inspected target navigated")):
		default:
			b.Fail(fmt.Errorf("%s: %w", condition, err))
		}
	}
}

func (b *browser) signsIn(role gate.Role) {
	b.Helper()
	b.enters(b.link(role))
}

// enters follows a link into a console.
func (b *browser) enters(link string) {
	b.Helper()
	b.Does(chromedp.Navigate(link))
	b.presses("button.primary")
	b.waits(`document.getElementById("live") !== null && document.readyState === "complete"`)
}

// presses focuses something and presses Enter, as one does without a mouse: a page that moves may move what a mouse aims at.
func (b *browser) presses(selector string) {
	b.Helper()
	b.focuses(selector)
	b.Does(chromedp.KeyEvent("\r"))
}

// settled says that htmx has taken in hand what it put into the page: until then a form or a link is the browser's, and leads to a page of its own.
const settled = `document.querySelector(".htmx-swapping, .htmx-settling, .htmx-added") === null`

// clicks with the left button of the mouse at the middle of something, once it has stopped moving and nothing covers it.
func (b *browser) clicks(selector string) {
	b.Helper()
	b.waits(fmt.Sprintf(`((e, last) => { if (!e) { return false } const r = e.getBoundingClientRect(), at = [r.x + r.width / 2, r.y + r.height / 2];
		window.aim = at.join(); return window.aim === last && e.contains(document.elementFromPoint(...at)) })(document.querySelector(%q), window.aim) && %s`, selector, settled))
	var x, y float64
	if _, err := fmt.Sscanf(b.Says("window.aim"), "%g,%g", &x, &y); err != nil {
		b.Fail(err)
	}
	b.Does(chromedp.MouseClickXY(x, y))
}

// focuses waits until something is there and can be focused.
func (b *browser) focuses(selector string) {
	b.Helper()
	b.waits(fmt.Sprintf("%s && (e => e !== null && (e.focus(), document.activeElement === e))(document.querySelector(%q))", settled, selector))
}

func (b *browser) goes(path string) {
	b.Helper()
	b.Does(chromedp.Navigate(strings.TrimSuffix(b.url, "/") + path))
}

// quiet: the page complained of nothing, and asked nobody else for anything.
func (b *browser) quiet() {
	b.Helper()
	b.Quiet(b.url)
}

// Pages change by themselves, keep where one is, and draw their chart.
func TestPagesMoveByThemselves(t *testing.T) {
	b := withBrowser(newWorld(t, 0))
	b.signsIn(gate.Viewer)
	b.waits(`document.getElementById("state").dataset.state === "on"`)
	b.waits(`document.querySelector("#chart canvas") !== null && document.querySelectorAll("#chart .u-legend .u-series").length === 4`)
	b.waits(`document.querySelector("#l-berlin progress").value === 20`)
	b.focuses("#l-berlin a")
	b.Says(`(document.querySelector("#l-berlin").dataset.mark = "same", "")`)
	b.moves(800)
	b.waits(`document.querySelector("#l-berlin progress").value === 40`)
	if b.Says(`document.activeElement.textContent`) != "berlin" || b.Says(`document.querySelector("#l-berlin") ? "there" : ""`) != "there" {
		t.Error("the focus was lost when the page moved")
	}
	if b.Says(`document.querySelectorAll("#chart canvas").length + ""`) != "1" {
		t.Error("the chart did not survive")
	}
	for _, path := range []string{"/locations", "/locations/berlin", "/contents", "/contents/image", "/peers/" + peerA} {
		b.goes(path)
		b.waits(`document.getElementById("state").dataset.state === "on"`)
	}
	b.quiet()
}

// One finds a location by typing, sorts, and turns pages, with the keyboard alone.
func TestTheKeyboardIsEnough(t *testing.T) {
	b := withBrowser(newWorld(t, 3000))
	b.signsIn(gate.Viewer)
	b.Does(chromedp.KeyEvent("\t"))
	if got := b.Says(`document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first thing to be reached is %q", got)
	}
	b.Does(chromedp.KeyEvent("\r"))
	b.waits(`document.activeElement.id === "main"`)
	b.goes("/locations")
	b.waits(`document.querySelectorAll("tbody tr").length === 50`)
	b.Does(chromedp.KeyEvent("/"))
	b.waits(`document.activeElement.id === "q"`)
	b.Says(`document.activeElement.value = ""`) // the protocol types the key all the same, where a keyboard would not
	b.Does(chromedp.KeyEvent("shop-02"))
	b.waits(`document.querySelector(".pager p")?.textContent.startsWith("100 found")`)
	if got := b.Says(`location.search + document.activeElement.id`); !strings.Contains(got, "q=shop-02") || !strings.HasSuffix(got, "q") {
		t.Errorf("after the search the page is at %s", got)
	}
	b.presses("thead th:nth-child(3) a")
	b.waits(`document.querySelector("thead th:nth-child(3)")?.getAttribute("aria-sort") === "descending"`)
	b.presses(".pager a[rel=next]")
	b.waits(`document.querySelector(".pager p")?.textContent.includes("page 2 of 2")`)
	problems := b.Says(`[...document.querySelectorAll("table")].filter(t => !t.caption || !t.querySelector("th[scope=col]")).length + " " +
		[...document.querySelectorAll("input:not([type=hidden]), select")].filter(i => !i.labels.length).length + " " +
		[...document.querySelectorAll("a, button")].filter(i => !i.textContent.trim() && !i.getAttribute("aria-label")).length + " " +
		["header", "main", "footer", "nav"].filter(x => !document.querySelector(x)).length`)
	if problems != "0 0 0 0" {
		t.Errorf("tables, fields, links and landmarks without a name: %s", problems)
	}
	b.quiet()
}

// What was asked for last is what is shown, whichever answer comes last; and to leave the field asks for nothing.
func TestTheLastAskedForIsShown(t *testing.T) {
	b := withBrowser(newWorld(t, 3000))
	b.signsIn(gate.Viewer)
	b.goes("/locations")
	b.waits(`document.querySelectorAll("tbody tr").length === 50 && typeof htmx === "object"`)
	b.Says(`((open, send) => { // searches are held back until they are let go
		window.held = []
		XMLHttpRequest.prototype.open = function (verb, url, ...more) { this.search = url.includes("q=shop-02"); open.call(this, verb, url, ...more) }
		XMLHttpRequest.prototype.send = function (...body) { this.search ? held.push(() => send.apply(this, body)) : send.apply(this, body) }
		document.body.addEventListener("htmx:afterRequest", e => { if (e.detail.xhr.search) { window.answered = true } })
		return ""
	})(XMLHttpRequest.prototype.open, XMLHttpRequest.prototype.send)`)
	b.focuses("#q")
	b.Does(chromedp.KeyEvent("shop-02"))
	b.waits(`held.length === 1`)
	b.presses("thead th:nth-child(3) a")
	b.waits(`document.querySelector("thead th:nth-child(3)")?.getAttribute("aria-sort") === "descending"`)
	b.Says(`(held[0](), "")`)
	b.waits(`window.answered`)
	if got := b.Says(`held.length + ""`); got != "1" {
		t.Errorf("%s searches were asked for", got)
	}
	if got := b.Says(`document.querySelector("thead th:nth-child(3)")?.getAttribute("aria-sort") + location.search`); !strings.HasPrefix(got, "descending?") || strings.Contains(got, "shop-02") {
		t.Errorf("an old answer is shown: %s", got)
	}
	b.quiet()
}

// A pause by mouse: the button, what it touches, the confirmation, and the undo; then a policy.
func TestTheMouseIsEnough(t *testing.T) {
	w := newWorld(t, 0)
	b := withBrowser(w)
	b.signsIn(gate.Admin)
	b.goes("/locations/berlin")
	paused := func(want bool) {
		t.Helper()
		if got := slices.ContainsFunc(w.Desired(), func(d desired.Document) bool { return d.Paused }); got != want {
			t.Errorf("it is paused: %v", got)
		}
	}
	b.clicks(`.steer button[value=pause]`)
	b.waits(`document.activeElement.id === "asked" && document.getElementById("steering").innerText.includes("pause location=berlin")`)
	paused(false)
	b.clicks("#steering button.primary")
	b.waits(`document.activeElement.id === "ordered" && document.getElementById("steering").innerText.includes("by ada")`)
	paused(true)
	b.waits(`document.querySelector(".banner")?.innerText.includes("by ada")`)
	b.clicks("#steering form button")
	b.waits(`document.getElementById("steering").innerText.includes("Ordered: undo a")`)
	paused(false)

	b.goes("/policies")
	b.clicks("#value")
	b.Does(chromedp.KeyEvent("20Mbit"))
	b.clicks("form.steer button")
	b.waits(`document.getElementById("steering").innerText.includes("set limits.download 20Mbit for all")`)
	b.clicks("#steering button.primary")
	b.waits(`document.querySelector("#live tbody")?.innerText.includes("20Mbit")`)
	if x := w.Policies("", nil); len(x) != 1 || x[0].Value != "20Mbit" || x[0].Scope != "all" {
		t.Errorf("%+v", x)
	}
	b.quiet()
}

// The contrast of text is that of WCAG 2.2 AA in light and in dark.
func TestTextIsReadableInLightAndDark(t *testing.T) {
	b := withBrowser(newWorld(t, 0))
	b.signsIn(gate.Admin)
	papers := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		b.Prefers(scheme)
		for _, path := range []string{"/", "/locations", "/locations/berlin", "/contents", "/contents/image", "/peers/" + peerB, "/audit", "/policies", "/peers"} {
			b.goes(path)
			b.waits(`document.getElementById("state").dataset.state === "on"`)
			if bad := b.Says(contrasts); bad != "" {
				t.Errorf("%s, %s: %s", scheme, path, bad)
			}
		}
		papers[scheme] = b.Says(`getComputedStyle(document.documentElement).backgroundColor`)
	}
	if papers["light"] == papers["dark"] {
		t.Error("dark is as light")
	}
	b.quiet()
}

// contrasts lists texts whose contrast to what is behind them is below 4.5.
const contrasts = `(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
	const over = (a, b) => a.slice(0, 3).map((v, i) => v * a[3] + b[i] * (1 - a[3])).concat(1);
	const light = (c) => { const f = c.slice(0, 3).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
	const behind = (e) => { if (!e) return [255, 255, 255, 1]; const c = parse(getComputedStyle(e).backgroundColor); return c[3] === 1 ? c : over(c, behind(e.parentElement)); };
	const bad = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (!e.offsetParent || e.closest(".hidden, .skip, progress, #chart") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const back = behind(e), front = over(parse(getComputedStyle(e).color), back);
		const [x, y] = [light(front), light(back)].sort((p, q) => q - p);
		if ((x + .05) / (y + .05) < 4.5) bad.add(e.textContent.trim().slice(0, 30) + " " + ((x + .05) / (y + .05)).toFixed(2));
	}
	return [...bad].join(", ");
})()`

func TestABrowserLeftOpenForADayIsToldSo(t *testing.T) {
	b := withBrowser(newWorld(t, 0))
	b.signsIn(gate.Viewer)
	b.waits(`document.getElementById("state").dataset.state === "on"`)
	b.Expect("401", "htmx:") // htmx says that it was refused
	b.passes(24 * time.Hour)
	b.waits(`!document.getElementById("ended").hidden && document.getElementById("state").dataset.state === "off"`)
	b.presses("#ended a")
	b.waits(`document.querySelector(".narrow") !== null`)
	if text := b.Says(`document.body.innerText`); !strings.Contains(text, "ebb console") {
		t.Errorf("the page does not say how to sign in: %s", text)
	}
	b.quiet()
}

// A viewer that asks for what takes another role is refused, and so is a page under a name that an attacker points here.
func TestTheWrongRoleAndTheWrongHostAreRefused(t *testing.T) {
	b := withBrowser(newWorld(t, 0))
	b.Expect("Failed to load resource")
	b.signsIn(gate.Viewer)
	b.goes("/audit")
	if text := b.Says(`document.body.innerText`); !strings.Contains(text, "takes the role operator") {
		t.Errorf("a viewer sees %s", text)
	}
	made := `fetch("/api/v1/links", {method: "POST", body: JSON.stringify({name: "eve", role: "admin"})}).then(r => { window.made = r.status })`
	b.Says(`(` + made + `, "")`)
	b.waits(`window.made === 403`)
	b.Does(chromedp.Navigate(fmt.Sprintf("http://evil.example:%d/", b.server.addr.Port())))
	if text := b.Says(`document.body.innerText`); !strings.Contains(text, "this console is not") || strings.Contains(text, "berlin") {
		t.Errorf("under a foreign name the console shows %s", text)
	}
}

// EBB_SCREENSHOTS=DIR and EBB_CONSOLE=LINK make the pictures of the README from a fleet that runs: see docs/console.
func TestScreenshots(t *testing.T) {
	dir, link := os.Getenv("EBB_SCREENSHOTS"), os.Getenv("EBB_CONSOLE")
	if dir == "" || link == "" {
		t.Skip("no pictures are asked for")
	}
	b := withBrowser(newWorld(t, 0))
	b.enters(link)
	base := link[:strings.Index(link, "/login")]
	for _, x := range []struct{ name, path, scheme string }{{"overview-light", "/", "light"}, {"location-dark", "/locations/berlin", "dark"}} {
		b.Prefers(x.scheme)
		b.Does(chromedp.Navigate(base + x.path))
		b.waits(`document.querySelector("#chart canvas") !== null`)
		picture, err := chromedp.Run(b.Context(), chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+x.name+".png", picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
