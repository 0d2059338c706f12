// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

// subject is a host with a book, as the agent keeps one.
type subject struct {
	*world
	node   *node.Node
	client *client.Client
	book   *desired.Book
}

func (w *world) subject(location string) *subject {
	n, c := w.host(location)
	return &subject{w, n, c, desired.NewBook(n.CA.PublicKey.(*ecdsa.PublicKey), &n.Identity)}
}

// exchange is what a host does every few seconds: once in ordinary times, up to three times where the two differ.
func (s *subject) exchange(wanted ...content.ID) {
	s.Helper()
	said := &fleet.Desired{Root: s.book.Root(s.node.Identity).String()}
	for range 3 {
		reply, err := sync1(s.client, fleet.SyncRequest{Desired: said, Wanted: wanted})
		s.must(err)
		if reply.Desired == nil {
			return
		}
		for _, raw := range reply.Desired.Documents {
			_, err := s.book.Heard(s.clock(), raw)
			s.must(err)
		}
		said = &fleet.Desired{Root: s.book.Root(s.node.Identity).String()}
		if reply.Desired.Differs {
			said.Digest = s.book.Digest(s.node.Identity)
		}
		for _, text := range reply.Desired.Wants {
			key, err := desired.ParseKey(text)
			s.must(err)
			said.Documents = append(said.Documents, s.book.Raw([]desired.Key{key})...)
		}
	}
}

func (s *subject) paused() bool {
	return s.book.On(s.clock(), desired.Subject{Location: s.node.Identity.Location, Peer: s.node.Identity.Peer}).Paused != nil
}

func (w *world) steer(c desired.Command) desired.Entry {
	w.Helper()
	c.Yes = true
	e, err := w.hub.Steer(context.Background(), "ann", c)
	w.must(err)
	return e
}

func in(location string) desired.Selector { return desired.Selector{Location: location} }

func TestSteerReachesWhoItConcerns(t *testing.T) {
	w := newWorld(t)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	e := w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	berlin.exchange()
	oslo.exchange()
	if !berlin.paused() || oslo.paused() {
		t.Errorf("berlin %v, oslo %v", berlin.paused(), oslo.paused())
	}
	w.steer(desired.Command{Verb: desired.DoUndo, Undo: e.ID})
	berlin.exchange()
	if berlin.paused() {
		t.Error("the pause was undone")
	}
}

// Who has missed one push, or whose news crossed it, is told just that, at once.
func TestWhoIsJustBehindNeedsNoDigest(t *testing.T) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	berlin.exchange()
	w.steer(desired.Command{Verb: desired.DoResume, Selector: in("berlin")})
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("oslo")})
	reply, err := sync1(berlin.client, fleet.SyncRequest{Desired: &fleet.Desired{Root: berlin.book.Root(berlin.node.Identity).String()}})
	w.must(err)
	if d := reply.Desired; d == nil || d.Differs || len(d.Wants) > 0 || len(d.Documents) != 1 {
		t.Fatalf("%+v", d)
	}
	_, err = berlin.book.Heard(w.clock(), reply.Desired.Documents[0])
	if w.must(err); berlin.paused() {
		t.Error("it is still paused")
	}
}

// What was ordered and who ordered it survives a power cut.
func TestOrdersAreDurable(t *testing.T) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	e := w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	w.cutPower()
	berlin.exchange()
	if !berlin.paused() {
		t.Error("the order is gone")
	}
	list, err := w.hub.Audit("", 10)
	if err != nil || len(list) != 1 || list[0].ID != e.ID || list[0].Who != "ann" || list[0].Changes[0].Scope != in("berlin") {
		t.Errorf("%+v, %v", list, err)
	}
}

// A hub that was restored from an older copy learns from its hosts what it had ordered, and undoes none of it. What was ordered
// since the restoration counts where it is of the same register.
func TestRestoredHubOrdersNothingBack(t *testing.T) {
	w := newWorld(t)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	older := w.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	w.steer(desired.Command{Verb: desired.DoResume, Selector: in("berlin")})
	w.steer(desired.Command{Verb: desired.DoPause, Selector: desired.Selector{}, Until: w.clock().Add(time.Hour)})
	newest := w.steer(desired.Command{Verb: desired.DoResume, Selector: in("oslo")})
	berlin.exchange()
	oslo.exchange()

	w.stop()
	w.fs = older
	w.setLate(-time.Minute) // and its clock is behind
	w.start()
	if len(w.hub.Desired()) != 1 {
		t.Fatalf("%+v: the copy is not older", w.hub.Desired())
	}
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("oslo")}) // older than what oslo has heard
	berlin.exchange()
	if !berlin.paused() {
		t.Error("berlin forgot that all is paused")
	}
	for range 2 {
		oslo.exchange()
	}
	if !oslo.paused() {
		t.Error("the operator's last word is lost")
	}
	for _, d := range w.hub.Desired() {
		if d.Scope == in("oslo") && d.Version <= newest.Changes[0].Version {
			t.Errorf("%+v went back", d)
		}
		if d.Scope == in("berlin") && d.Paused {
			t.Errorf("%+v went back", d)
		}
	}
	if len(w.hub.Desired()) != 3 {
		t.Errorf("%+v", w.hub.Desired())
	}
}

func TestPreviewAndConfirmation(t *testing.T) {
	w := newWorld(t)
	m, data := article("image", w.clock())
	m.Type = "os"
	id, err := w.publish(m, data, w.publisher())
	w.must(err)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	berlin.exchange(id)
	oslo.exchange()
	for _, x := range []struct {
		s    desired.Selector
		want desired.Preview
	}{
		{desired.Selector{}, desired.Preview{Endpoints: 2, Locations: 2, Contents: 1, Flows: 1, Everything: true}},
		{in("berlin"), desired.Preview{Endpoints: 1, Locations: 1, Contents: 1, Flows: 1}},
		{in("oslo"), desired.Preview{Endpoints: 1, Locations: 1}},
		{in("nowhere"), desired.Preview{Nothing: true}},
		{desired.Selector{Type: "os"}, desired.Preview{Endpoints: 2, Locations: 2, Contents: 1, Flows: 1, Everything: true}},
		{desired.Selector{Content: "other"}, desired.Preview{Endpoints: 2, Locations: 2, Nothing: true}},
	} {
		got, err := w.hub.Preview(desired.Command{Verb: desired.DoPause, Selector: x.s}, 0)
		if err != nil || got.Endpoints != x.want.Endpoints || got.Locations != x.want.Locations || got.Contents != x.want.Contents ||
			got.Flows != x.want.Flows || got.Everything != x.want.Everything || got.Nothing != x.want.Nothing {
			t.Errorf("%s: %+v, %v", x.s, got, err)
		}
		_, err = w.hub.Steer(context.Background(), "ann", desired.Command{Verb: desired.DoPause, Selector: x.s})
		var confirm *ConfirmError
		if asks := errors.As(err, &confirm); asks != (x.want.Everything || x.want.Nothing) {
			t.Errorf("%s: %v", x.s, err)
		}
	}
	if list, _ := w.hub.Audit("", 10); len(list) != 2 {
		t.Errorf("%d entries: only berlin and oslo were ordered", len(list))
	}
}

func TestAuditPages(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, location := range []string{"a", "b", "c"} {
		ids = append(ids, w.steer(desired.Command{Verb: desired.DoPause, Selector: in(location)}).ID)
	}
	page, err := w.hub.Audit(ids[2], 1)
	if err != nil || len(page) != 1 || page[0].ID != ids[1] {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := w.hub.Audit("x", 1); !errors.Is(err, desired.ErrUnknown) {
		t.Error(err)
	}
}

func TestSteerOverTheLocalAPI(t *testing.T) {
	w := newWorld(t)
	ask := func(c desired.Command, dry bool) (e desired.Entry, err error) {
		err = w.operator("POST", "steer", api.Steer{Who: "ann", Command: c, DryRun: dry}, &e)
		return e, err
	}
	pause := desired.Command{Verb: desired.DoPause}
	if _, err := ask(pause, false); code(err) != api.CodeConfirm {
		t.Error(err)
	}
	if e, err := ask(pause, true); err != nil || e.ID != "" || !e.Touched.Nothing {
		t.Errorf("%+v, %v", e, err)
	}
	pause.Yes = true
	e, err := ask(pause, false)
	w.must(err)
	for _, x := range []struct {
		c    desired.Command
		want string
	}{
		{desired.Command{Verb: "halt"}, api.CodeBadRequest}, {desired.Command{Verb: desired.DoUndo, Undo: "a1"}, api.CodeNotFound},
		{desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Location: "?"}}, api.CodeBadRequest},
	} {
		if _, err := ask(x.c, false); code(err) != x.want {
			t.Errorf("%+v: %v", x.c, err)
		}
	}
	_, err = ask(desired.Command{Verb: desired.DoResume, Yes: true}, false)
	w.must(err)
	if _, err := ask(desired.Command{Verb: desired.DoUndo, Undo: e.ID}, false); code(err) != api.CodeExists {
		t.Error(err)
	}
	var log struct{ Entries []desired.Entry }
	w.must(w.operator("GET", "audit?most=10", nil, &log))
	if len(log.Entries) != 2 || log.Entries[1].ID != e.ID {
		t.Errorf("%+v", log)
	}
	if err := w.operator("GET", "audit?most=0", nil, nil); code(err) != api.CodeBadRequest {
		t.Error(err)
	}
	var now struct{ Documents []desired.Document }
	w.must(w.operator("GET", "desired", nil, &now))
	if len(now.Documents) != 1 || now.Documents[0].Paused {
		t.Errorf("%+v", now)
	}
}

// Documents that others signed, too many of them and broken digests change nothing.
func TestBadExchanges(t *testing.T) {
	w := newWorld(t)
	other := newWorld(t)
	foreign := other.subject("berlin")
	other.steer(desired.Command{Verb: desired.DoPause})
	foreign.exchange()
	s := w.subject("berlin")
	stolen := foreign.book.Raw([]desired.Key{desired.Register{Kind: desired.Pause}.Key()})
	if len(stolen) != 1 {
		t.Fatal("nothing to steal")
	}
	_, err := sync1(s.client, fleet.SyncRequest{Desired: &fleet.Desired{Root: "x", Documents: append(stolen, make([]byte, 1<<20))}})
	w.must(err)
	if len(w.hub.Desired()) != 0 {
		t.Error("a foreign document is taken")
	}
	for _, bad := range []*fleet.Desired{{Root: "x", Digest: make([]byte, 25)}, {Documents: make([][]byte, fleet.MaxHanded+1)}} {
		if _, err := sync1(s.client, fleet.SyncRequest{Desired: bad}); err == nil || !strings.Contains(err.Error(), "digest") {
			t.Errorf("%v", err)
		}
	}
}

func TestRevokedHostIsRefused(t *testing.T) {
	w := newWorld(t)
	bad, good := w.subject("berlin"), w.subject("oslo")
	w.steer(desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: bad.node.Identity.Peer}})
	if _, err := sync1(bad.client, fleet.SyncRequest{}); !errors.Is(err, client.ErrDenied) {
		t.Error(err)
	}
	good.exchange()
	if !good.book.Revoked(w.clock(), bad.node.Identity.Peer) {
		t.Error("others do not know it")
	}
}
