// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/forecast"
)

// issued publishes an article and returns the order of it.
func (w *world) issued(name string) desired.Command {
	w.Helper()
	m, data := article(name, w.clock())
	id, err := w.publish(m, data, w.publisher())
	w.must(err)
	return desired.Command{Verb: desired.DoOrder, Selector: in("berlin"), Name: name, Order: &desired.Order{Content: id}}
}

func TestOrderReachesWhoIsThereAndWhoComes(t *testing.T) {
	w := newWorld(t)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	c := w.issued("image")
	e := w.steer(c)
	w.cutPower()
	late := w.subject("berlin")
	for _, x := range []struct {
		s    *subject
		want int
	}{{berlin, 1}, {oslo, 0}, {late, 1}} {
		x.s.exchange()
		if list := x.s.book.Orders(w.clock(), x.s.node.Identity); len(list) != x.want {
			t.Errorf("%s is ordered %+v", x.s.node.Identity, list)
		}
	}
	w.steer(desired.Command{Verb: desired.DoUndo, Undo: e.ID})
	berlin.exchange()
	if list := berlin.book.Orders(w.clock(), berlin.node.Identity); len(list) != 0 {
		t.Errorf("it was taken back: %+v", list)
	}
}

func TestBadOrders(t *testing.T) {
	w := newWorld(t)
	w.subject("berlin").exchange()
	w.subject("oslo").exchange()
	good := w.issued("image")
	for _, x := range []struct {
		story string
		spoil func(c *desired.Command, o *desired.Order)
		want  error
		code  string
	}{
		{"a window that is none", func(_ *desired.Command, o *desired.Order) { o.Window = "22-6" }, desired.ErrCommand, api.CodeBadRequest},
		{"a content nobody knows", func(_ *desired.Command, o *desired.Order) { o.Content = content.Sum(nil) }, ErrContent, api.CodeNotFound},
		{"another name", func(c *desired.Command, _ *desired.Order) { c.Name = "other" }, ErrContent, api.CodeNotFound},
		{"a time that is past", func(_ *desired.Command, o *desired.Order) { o.By = w.clock().Add(-time.Hour) }, desired.ErrCommand, api.CodeBadRequest},
		{"by content type", func(c *desired.Command, _ *desired.Order) { c.Selector = desired.Selector{Type: "os"} }, desired.ErrCommand, api.CodeBadRequest},
		{"nobody is there", func(c *desired.Command, _ *desired.Order) { c.Selector = in("nowhere") }, &ConfirmError{}, api.CodeConfirm},
		{"everybody", func(c *desired.Command, _ *desired.Order) { c.Selector = desired.Selector{} }, &ConfirmError{}, api.CodeConfirm},
	} {
		c, o := good, *good.Order
		x.spoil(&c, &o)
		c.Order = &o
		_, err := w.hub.Steer(context.Background(), "ann", c)
		var confirm *ConfirmError
		if _, asks := x.want.(*ConfirmError); asks != errors.As(err, &confirm) || !asks && !errors.Is(err, x.want) {
			t.Errorf("%s: %v", x.story, err)
		}
		if err := w.operator("POST", "steer", api.Steer{Who: "ann", Command: c}, nil); code(err) != x.code {
			t.Errorf("%s: %v", x.story, err)
		}
	}
	if err := w.operator("POST", "steer", api.Steer{Who: "ann", Command: good, Size: 5}, nil); code(err) != api.CodeBadRequest {
		t.Error(err)
	}
	if len(w.hub.Desired()) != 0 {
		t.Errorf("%+v", w.hub.Desired())
	}
}

// What some host holds is not fetched again, what was ordered before with a lower priority does not count, and a location whose link
// nobody knows is not judged.
func TestForecastOfAnOrder(t *testing.T) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	berlin.exchange()
	w.subject("oslo").exchange()
	before, low, c := w.issued("before"), w.issued("low"), w.issued("image")
	before.Order.Priority, low.Order.Priority, c.Order.Priority = 9, -9, 0
	w.steer(before)
	w.steer(low)
	w.steer(c) // said before, and said again with a deadline
	c.Selector, c.Order.By = desired.Selector{}, w.clock().Add(time.Hour)
	size := func(c desired.Command) (n int64) {
		w.hub.look(func(_ time.Time, _ *board.Board, world board.World) { n = world.Contents[c.Order.Content].Distinct })
		return n
	}
	answer := func(location string) forecast.Answer {
		for _, a := range w.hub.Forecast(c, 0).Locations {
			if a.Location == location {
				return a
			}
		}
		t.Fatalf("nothing is said of %s", location)
		return forecast.Answer{}
	}
	if a := answer("berlin"); a.Verdict != forecast.Unknown || a.Left != size(c) || a.Ahead != size(before) {
		t.Errorf("%+v", a)
	}
	if a := answer("oslo"); a.Left != size(c) || a.Ahead != 0 {
		t.Errorf("%+v", a)
	}
	_, err := sync1(berlin.client, fleet.SyncRequest{Holdings: []fleet.Holding{{Content: c.Order.Content, Chunks: 1, Complete: true}}})
	w.must(err)
	if a := answer("berlin"); a.Verdict != forecast.Fits || a.Left != 0 {
		t.Errorf("%+v", a)
	}
	c.Order.By = time.Time{}
	if f := w.hub.Forecast(c, 0); f != nil {
		t.Errorf("without a deadline: %+v", f)
	}
	c.Order.By, c.Order.Content = w.clock().Add(time.Hour), content.Sum(nil)
	if f := w.hub.Forecast(c, 1<<40); f.Locations[0].Left != 1<<40 {
		t.Errorf("what is yet to be published: %+v", f)
	}
}
