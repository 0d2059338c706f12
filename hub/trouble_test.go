// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/store"
)

// fillable starts the hub anew on a disk that is full when it is said so, until the test ends.
func (w *world) fillable() (set func(full bool)) {
	w.stop()
	var mu sync.Mutex
	full := false
	healthy := w.fs
	w.fs = errorfs.Wrap(w.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if full && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}))
	w.start()
	set = func(v bool) {
		mu.Lock()
		defer mu.Unlock()
		full = v
	}
	w.Cleanup(func() { // before the world is taken down
		set(false)
		w.stop()
		w.fs = healthy
		w.start()
	})
	return set
}

// "A hub whose disk is full: reads go on, changes are refused with a reason." And nothing that was refused holds.
func TestAFullDiskRefusesChanges(t *testing.T) {
	w := newWorld(t)
	set := w.fillable()
	berlin := w.subject("berlin")
	first := w.steer(desired.Command{Verb: desired.DoSet, Key: "limits.download", Value: "20Mbit", Selector: in("berlin")})
	set(true)
	for _, c := range []desired.Command{{Verb: desired.DoPause, Selector: in("berlin"), Yes: true}, {Verb: desired.DoSet, Key: "window", Value: "always", Yes: true}} {
		if _, err := w.hub.Steer(context.Background(), "ada", c); !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("%v: %v", c, err)
		}
	}
	var p *api.Problem
	err := w.operator("POST", "steer", api.Steer{Who: "ada", Command: desired.Command{Verb: desired.DoStop, Yes: true}}, nil)
	if !errors.As(err, &p) || p.Status != http.StatusInsufficientStorage || p.Code != api.CodeNoSpace || !strings.Contains(p.Title, "full") {
		t.Errorf("in words: %v", err)
	}
	if list, err := w.hub.Audit("", 10); err != nil || len(list) != 1 || list[0].ID != first.ID || len(w.hub.Desired()) != 1 {
		t.Errorf("what can be read: %+v, %v", list, err)
	}
	if x := w.hub.Policies("", nil); len(x) != 1 || x[0].Value != "20Mbit" {
		t.Errorf("%+v", x)
	}
	berlin.exchange()
	if berlin.paused() {
		t.Error("a pause that was refused holds")
	}
	set(false)
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin"), Yes: true})
	berlin.exchange()
	if !berlin.paused() {
		t.Error("with room again nothing is ordered")
	}
}

// endless is a document that never ends, and counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	if e.read == 0 {
		copy(b, `{"lan":"`)
	}
	e.read += int64(len(b))
	if e.read > 100<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(b), nil
}

// Of a document of 100 MB no more is read than the longest one may have.
func TestALongDocumentIsRefusedEarly(t *testing.T) {
	for _, limit := range []int64{maxEnroll, maxSync} {
		body := &endless{}
		var req fleet.SyncRequest
		err := decode(body, limit, &req)
		var p *fleet.Problem
		if !errors.As(err, &p) || p.Code != fleet.CodeTooLarge || body.read > 2*limit {
			t.Errorf("%d of at most %d bytes were read: %v", body.read, limit, err)
		}
	}
}
