// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestCloseDeliversWhatWasSent(t *testing.T) {
	inWorld(t, ordinary, ordinary, func(w *world) {
		const messages = 200 // more than the inbox holds
		for i := range messages {
			if err := w.dialed.Send(fmt.Appendf(nil, "%d", i), false); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.dialed.Close(); err != nil {
			t.Error(err)
		}
		<-w.accepted.Done()
		for i := range messages {
			m, err := w.accepted.Receive(context.Background())
			if err != nil || string(m) != fmt.Sprint(i) {
				t.Fatalf("message %d is %q, %v", i, m, err)
			}
		}
		if _, err := w.accepted.Receive(context.Background()); !errors.Is(err, ErrPeerClosed) {
			t.Errorf("after the last message: %v", err)
		}
		if err := w.dialed.Send([]byte("late"), false); !errors.Is(err, ErrClosed) {
			t.Errorf("sent after Close: %v", err)
		}
		if err := w.accepted.Send([]byte("late"), true); !errors.Is(err, ErrPeerClosed) {
			t.Errorf("sent after the peer's Close: %v", err)
		}
		if w.accepted.Budget() != 0 {
			t.Error("a budget after the end")
		}
		if err := w.dialed.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseIntoTheDark(t *testing.T) {
	inWorld(t, ordinary, ordinary, func(w *world) {
		w.there.Cut(time.Hour)
		if err := w.dialed.Send(make([]byte, 1000), false); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := w.dialed.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestMessageSizes(t *testing.T) {
	inWorld(t, ordinary, ordinary, func(w *world) {
		for _, n := range []int{0, MaxMessage + 1} {
			if err := w.dialed.Send(make([]byte, n), true); !errors.Is(err, ErrSize) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		if g := w.dialed.Grain(); g < 1000 || g > 64<<10 || g%w.dialed.payload != 0 {
			t.Errorf("grain %d", g)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := w.dialed.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Many hosts, each with a Conn to each, closed all at once in the middle of traffic.
func TestManyConns(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	const hosts = 4
	var es [hosts]*Endpoint
	for i := range es {
		es[i] = onLoopback(t, fleet, fmt.Sprint(i), nil)
	}
	var wg sync.WaitGroup
	for i := range es {
		wg.Go(func() {
			for range hosts - 1 {
				c, err := es[i].Accept(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				m, err := c.Receive(context.Background())
				if err != nil {
					t.Error(err)
				}
				if err := c.Send(m, true); err != nil {
					t.Error(err)
				}
			}
		})
		for j := range es {
			if i == j {
				continue
			}
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				defer cancel()
				c, err := es[i].Dial(ctx, es[j].Addr())
				if err != nil {
					t.Error(err)
					return
				}
				said := fmt.Appendf(nil, "%d to %d", i, j)
				if err := c.Send(said, false); err != nil {
					t.Error(err)
				}
				if m, err := c.Receive(ctx); err != nil || !bytes.Equal(m, said) {
					t.Errorf("%q, %v", m, err)
				}
				for c.Budget() > 0 {
					_ = c.Send(make([]byte, c.Grain()), true)
				}
			})
		}
	}
	wg.Wait()
	for _, e := range es {
		wg.Go(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := es[0].Dial(context.Background(), es[1].Addr()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := es[0].Accept(context.Background()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
