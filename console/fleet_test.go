// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/relay"
	"github.com/ebbproject/ebb/process"
)

// realFleet is a hub and one agent as processes, which is to fetch a content over an emulated WAN link of 6 Mbit/s for so long that a
// test can steer it.
type realFleet struct {
	*testing.T
	ctx   context.Context
	ebb   process.Ebb
	hub   string // state directory
	agent *client.Client
	peer  string
	flow  string
}

func newRealFleet(t *testing.T) *realFleet {
	if testing.Short() {
		t.Skip("starts a fleet of processes; run without -short")
	}
	dir, err := os.MkdirTemp("", "e") // short: the path of a socket has at most 100 characters or so
	f := &realFleet{T: t, ctx: t.Context(), hub: filepath.Join(dir, "H")}
	f.must(err)
	t.Cleanup(func() { f.must(os.RemoveAll(dir)) })
	f.ebb.Exe = filepath.Join(dir, "ebb")
	if out, err := exec.Command("go", "build", "-o", f.ebb.Exe, "../cmd/ebb").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	way := link.Config{Rate: 6e6, Delay: 5 * time.Millisecond, BufferTime: 200 * time.Millisecond, Overhead: 28}
	wan, err := relay.Start(relay.Config{Listen: "127.0.0.1:0", Up: way, Down: way})
	f.must(err)
	t.Cleanup(func() { f.must(wan.Close()) })
	hub := f.daemon(f.hub, "hub", "--listen", "127.0.0.1:0")
	state := filepath.Join(dir, "A")
	f.run("enroll", hub.Ready.Addr, "--token", f.run("token", "new", "--state", f.hub), "--location", "berlin", "--state", state)
	agent := f.daemon(state, "agent", "--serve-always", "--listen", "127.0.23.1:0", "--wan-relay", wan.Inside().String(), "--direct", "127.0.23.0/24",
		"--cache-max-size", "none", "--cache-min-free", "off")
	f.agent, f.peer = client.New(state), agent.Ready.Peer
	t.Cleanup(f.agent.Close)
	source, err := os.Create(filepath.Join(dir, "image"))
	f.must(err)
	_, err = io.CopyN(source, mrand.NewChaCha8([32]byte{1}), 96<<20)
	f.must(err)
	f.must(source.Close())
	f.run("publish", source.Name(), "--name", "image", "--type", "os", "--state", f.hub)
	return f
}

func (f *realFleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *realFleet) daemon(state string, args ...string) *process.Daemon {
	f.Helper()
	d, err := f.ebb.Daemon(f.ctx, state, args...)
	f.must(err)
	f.Cleanup(func() { f.must(d.Stop()) })
	return d
}

func (f *realFleet) run(args ...string) string {
	f.Helper()
	out, err := f.ebb.Run(f.ctx, args...)
	f.must(err)
	return strings.TrimSpace(out)
}

// link lets somebody into the console of the fleet.
func (f *realFleet) link(role string) (l Link) {
	f.Helper()
	f.must(json.Unmarshal([]byte(f.run("console", "--role", role, "--name", "ada", "--state", f.hub, "--json")), &l))
	return l
}

// until asks the agent how the flow stands until that is as it should be.
func (f *realFleet) until(what string, holds func(api.Flow) bool) (x api.Flow) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := f.agent.Flow(ctx, f.flow)
		if err == nil {
			if x = now; holds(x) {
				return x
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Fatalf("%s: %+v, %v", what, x, err)
		}
	}
}

// An operator pauses a location from its page: the bytes of a transfer stop, the page says so, and they go on with the undo, and
// after another pause with the banner's button. A viewer is refused.
func TestAPauseFromThePageStopsTheBytes(t *testing.T) {
	f := newRealFleet(t)
	b := withBrowser(newWorld(t, 0))
	l := f.link("operator")
	b.url = l.URL[:strings.Index(l.URL, "login?")]
	b.enters(l.URL)
	flow, err := f.agent.Get(f.ctx, api.Get{Ref: "image"})
	f.must(err)
	f.flow = flow.ID
	f.until("nothing comes", func(x api.Flow) bool { return x.Received > 1<<20 })
	b.goes("/locations/berlin")
	b.waits(`document.querySelector("#live dl")?.innerText.includes("1 fetching")`) // the hub has heard of the flow

	b.focuses("#for")
	b.Does(chromedp.KeyEvent("2h"))
	b.presses(`.steer button[value=pause]`)
	b.waits(`document.activeElement.id === "asked"`)
	text := b.Says(`document.getElementById("steering").innerText`)
	for _, want := range []string{"pause location=berlin until ", "1 endpoints in 1 locations, 1 contents, 1 flows"} {
		if !strings.Contains(text, want) {
			t.Errorf("the preview lacks %q: %s", want, text)
		}
	}
	if x := f.until("it must not stand still before it is confirmed", func(api.Flow) bool { return true }); x.Reason == "paused-by-policy" {
		t.Error("the preview paused it")
	}
	b.presses("#steering button.primary")
	b.waits(`document.activeElement.id === "ordered" && document.getElementById("steering").innerText.includes("by ada")`)
	f.stands(b)
	b.waits(`document.querySelector(".banner")?.innerText.includes("by ada")`)
	b.presses("#steering form button") // undo
	b.waits(`document.getElementById("steering").innerText.includes("Ordered: undo a")`)
	f.goesOn()
	b.waits(`document.querySelector(".banner") === null`)

	b.goes("/")
	b.presses(`.steer button[value=stop]`)
	b.waits(`document.activeElement.id === "asked" && document.getElementById("steering").innerText.includes("Everything: 1 endpoints")`)
	b.presses("#steering button.primary")
	b.waits(`document.querySelector(".banner")?.innerText.includes("Everything is stopped until it is resumed, by ada")`)
	f.stands(b)
	b.goes("/peers/" + f.peer)
	b.waits(`document.querySelector("#live tbody")?.innerText.includes("paused-by-policy")`)
	b.presses(".banner button")
	b.waits(`document.activeElement.id === "asked"`)
	b.presses("#steering button.primary")
	f.goesOn()
	b.goes("/audit")
	if text := b.Says(`document.getElementById("live").innerText`); !strings.Contains(text, "resume all") || !strings.Contains(text, "pause location=berlin until") {
		t.Errorf("the audit says %s", text)
	}
	b.quiet()

	b.enters(f.link("viewer").URL)
	b.Expect("Failed to load resource")
	b.Says(`(fetch("/api/v1/steer", {method: "POST", body: JSON.stringify({verb: "stop", selector: "all"})}).then(async (r) => {
		window.refused = r.status + " " + r.headers.get("Content-Type") }), "")`)
	b.waits(fmt.Sprintf(`window.refused === "%d application/problem+json"`, http.StatusForbidden))
	if n := b.Says(`document.querySelectorAll("#main button, #main form").length + ""`); n != "0" {
		t.Errorf("a viewer sees %s buttons", n)
	}
}

// stands: nothing comes while the fleet reports twice more.
func (f *realFleet) stands(b *browser) {
	f.Helper()
	before := f.until("it does not stand still", func(x api.Flow) bool { return x.Reason == "paused-by-policy" && x.InFlight == 0 })
	b.Says(`(fetch("/api/v1/history").then((r) => r.json()).then((h) => { window.since = h.times.at(-1) }), "")`)
	b.waits(`window.since > 0`)
	b.waits(fmt.Sprintf(`(window.later = fetch("/api/v1/history").then((r) => r.json()).then((h) => h.times.at(-1) >= window.since + %d))`,
		int(2*board.Step/time.Second)))
	if x := f.until("", func(api.Flow) bool { return true }); x.Received != before.Received || x.Reason != "paused-by-policy" {
		f.Errorf("%d bytes came while it was paused, and it waits for %s", x.Received-before.Received, x.Reason)
	}
}

func (f *realFleet) goesOn() {
	f.Helper()
	before := f.until("", func(api.Flow) bool { return true })
	f.until("it does not go on", func(x api.Flow) bool { return x.Received > before.Received+1<<20 })
}
