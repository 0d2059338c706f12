// SPDX-License-Identifier: Apache-2.0

// Package chromium shows pages to tests in a real Chromium, and notes what they complain of and whom they ask. Where there is none, the test
// is skipped, as it is with -short.
package chromium

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Patience bounds every wait of one step; all that a browser does is bounded as well. Only a failing test ever waits for so long.
const (
	Patience    = 3 * time.Minute
	forABrowser = 8 * time.Minute
	starts      = 3 // of a browser
)

// A Page is one in a browser of its own. It ends with the test.
type Page struct {
	test testing.TB
	ctx  context.Context

	mu       sync.Mutex
	trouble  []string // what it complained of: errors, exceptions, violations of the policy
	asked    []string // every address that was asked for
	expected []string // what a complaint may contain
}

// Open starts a browser with an empty page of that size.
func Open(t testing.TB, width, height int, options ...chromedp.ExecAllocatorOption) *Page {
	t.Helper()
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
	options = slices.Concat(chromedp.DefaultExecAllocatorOptions[:],
		[]chromedp.ExecAllocatorOption{chromedp.NoSandbox, chromedp.ExecPath(path), chromedp.WSURLReadTimeout(Patience)}, options)
	ctx, cancel := context.WithTimeout(context.Background(), forABrowser)
	t.Cleanup(cancel)
	ctx = begin(ctx, t, options, chromedp.EmulateViewport(int64(width), int64(height)))
	p := &Page{test: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hears); err != nil {
		t.Fatal(err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{browserlog.Enable, runtime.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && ctx.Err() == nil {
			t.Error("Chromium did not end:", err)
		}
	})
	return p
}

// begin starts a browser and takes a first step in it. On a busy machine one may end before it can be spoken to; then another is started.
func begin(ctx context.Context, t testing.TB, options []chromedp.ExecAllocatorOption, step chromedp.Action[chromedp.Void]) context.Context {
	t.Helper()
	for try := 1; ; try++ {
		allocator, end := chromedp.NewExecAllocator(ctx, append(slices.Clip(options), chromedp.UserDataDir(t.TempDir()))...)
		browser, leave := chromedp.NewContext(allocator)
		err := chromedp.Do(browser, step)
		if err == nil {
			t.Cleanup(end)
			t.Cleanup(leave)
			return browser
		}
		leave()
		end()
		if try == starts || ctx.Err() != nil {
			t.Fatal("Chromium does not start: ", err)
		}
		t.Log("Chromium did not start: ", err)
	}
}

// Context is what chromedp runs in.
func (p *Page) Context() context.Context { return p.ctx }

// Expect lets the page complain with any of these words from now on.
func (p *Page) Expect(words ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = words
}

// hears notes what the page complains of.
func (p *Page) hears(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	complain := func(text string) {
		if !slices.ContainsFunc(p.expected, func(s string) bool { return strings.Contains(text, s) }) {
			p.trouble = append(p.trouble, text)
		}
	}
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		text := "console." + string(ev.Type)
		for _, x := range ev.Args {
			text += " " + string(x.Value) + x.Description
		}
		complain(text)
	case *runtime.EventExceptionThrown:
		complain("exception: " + ev.ExceptionDetails.Text)
	case *browserlog.EventEntryAdded:
		complain(ev.Entry.Text + " " + ev.Entry.URL)
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, ev.Request.URL)
	}
}

// Does takes steps, one after the other.
func (p *Page) Does(steps ...chromedp.Action[chromedp.Void]) {
	p.test.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fail(err)
	}
}

// Fail ends the test, and tells where the page is, what it complains of and what it shows.
func (p *Page) Fail(err error) {
	p.test.Helper()
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + ' at ' + document.activeElement.outerHTML + '\\n' + document.body.innerText"))
	p.test.Fatalf("%v; the page complains of %q and shows:\n%.900s", err, p.trouble, text)
}

// Says is the text that an expression in JavaScript is.
func (p *Page) Says(expression string) string {
	p.test.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.Fail(err)
	}
	return text
}

// A Sound is what a screen reader says of one thing on the page.
type Sound struct {
	Role  string // as Chromium calls it, such as link, columnheader or searchbox
	Name  string
	Level int // of a heading
}

// Reads is what a screen reader finds, in the order of the page: the accessibility tree without what is ignored there.
func (p *Page) Reads() (list []Sound) {
	p.test.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		p.Fail(err)
	}
	text := func(v *accessibility.Value) (s string) {
		if v != nil {
			_ = json.Unmarshal(v.Value, &s) // what is no text is none
		}
		return s
	}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		s := Sound{Role: text(n.Role), Name: strings.TrimSpace(text(n.Name))}
		for _, x := range n.Properties {
			if x.Name == accessibility.PropertyNameLevel && x.Value != nil {
				_ = json.Unmarshal(x.Value.Value, &s.Level)
			}
		}
		list = append(list, s)
	}
	return list
}

// Prefers makes the user one who prefers a scheme: light or dark.
func (p *Page) Prefers(scheme string) {
	p.test.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, params); err != nil {
		p.Fail(err)
	}
}

// Quiet holds the page to complaining of nothing, and to asking nobody for anything but addresses with these prefixes and data in itself.
func (p *Page) Quiet(prefixes ...string) {
	p.test.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.trouble {
		p.test.Error("the page complains:", text)
	}
	for _, url := range p.asked {
		if !slices.ContainsFunc(append(prefixes, "data:"), func(s string) bool { return strings.HasPrefix(url, s) }) {
			p.test.Error("the page asked for", url)
		}
	}
}
