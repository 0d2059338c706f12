// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/ebbproject/ebb/fleet"
)

// fate is what becomes of the next question on a line that has been idle.
type fate int

const (
	arrives    fate = iota
	resets          // the line is dead, as of a hub that was started again: the question ends it, unheard
	answerless      // the hub hears the question, and the line ends before the answer
	silent          // nothing comes through any more, and nobody says so
)

// way is a way to a hub: connections over it are lines, and one that is idle can die in different manners.
type way struct {
	*testing.T
	listener net.Listener
	to       string
	running  sync.WaitGroup
	lost     chan struct{} // a question was, in silence

	mu    sync.Mutex
	lines int
	fate  fate
	ends  []net.Conn
}

func (l *liar) behindAWay() *way {
	l.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.Fatal(err)
	}
	w := &way{T: l.T, listener: listener, to: l.addr, lost: make(chan struct{}, 1)}
	l.addr = listener.Addr().String()
	w.running.Go(w.accept)
	l.Cleanup(func() {
		listener.Close()
		w.mu.Lock()
		for _, end := range w.ends {
			end.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *way) accept() {
	for {
		host, err := w.listener.Accept()
		if err != nil {
			return
		}
		hub, err := net.Dial("tcp", w.to)
		if err != nil {
			w.Error(err)
			return
		}
		w.mu.Lock()
		w.lines++
		w.ends = append(w.ends, host, hub)
		w.mu.Unlock()
		w.running.Go(func() { w.carry(host, hub, resets) })
		w.running.Go(func() { w.carry(hub, host, answerless) })
	}
}

// carry carries bytes on until the line meets the fate that befalls it in this direction.
func (w *way) carry(from, to net.Conn, dies fate) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		switch f := w.next(dies); {
		case f == dies:
			for _, end := range []net.Conn{from, to} {
				_ = end.(*net.TCPConn).SetLinger(0) // no last words, but a reset
			}
			return
		case f == silent && dies == resets:
			w.lost <- struct{}{}
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// next is the fate of what has come; one that ends a line does so once.
func (w *way) next(dies fate) fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.fate
	if f == dies || f == silent {
		w.fate = arrives
	}
	return f
}

// now sets the fate of the next question, and says how many lines there were so far.
func (w *way) now(f fate) (lines int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fate = f
	return w.lines
}

// A connection that is kept between questions may be dead when the next one comes, and nobody has noticed. The question is then answered all
// the same, over another one; but what spends a token is not said again once it may have been heard.
func TestAKeptConnectionIsDead(t *testing.T) {
	l := newLiar(t, hour(-1))
	w := l.behindAWay()
	l.say(fleet.SyncReply{})
	_, c := l.enrolled()
	ctx := context.Background()
	ask := func(path string) error {
		_, err := c.post(ctx, path, struct{}{}, &struct{}{})
		return err
	}
	// alive asks until one line is kept, over which the next question goes.
	alive := func() (heard, lines int) {
		t.Helper()
		if err := ask("/v1/sync"); err != nil {
			t.Fatal(err)
		}
		return int(l.heard.Load()), w.now(arrives)
	}
	for _, x := range []struct {
		what  string
		path  string
		fate  fate
		err   error
		heard int // how often
		lines int // more
	}{
		{"nothing has happened", "/v1/sync", arrives, nil, 1, 0},
		{"dead", "/v1/sync", resets, nil, 1, 1},
		{"dead", "/v1/letters", resets, nil, 1, 1},
		{"dead", "/v1/copies", resets, nil, 1, 1},
		{"no answer", "/v1/sync", answerless, nil, 2, 1},
		{"no answer", "/v1/renew", answerless, nil, 2, 1},
		{"nothing has happened", pathEnroll, arrives, nil, 1, 0},
		{"dead", pathEnroll, resets, ErrUnreachable, 0, 0},
		{"no answer", pathEnroll, answerless, ErrUnreachable, 1, 0},
	} {
		heard, _ := alive()
		lines := w.now(x.fate)
		if err := ask(x.path); !errors.Is(err, x.err) || int(l.heard.Load()) != heard+x.heard || w.now(arrives) != lines+x.lines {
			t.Errorf("%s, %s: %d more lines, heard %d times, %v", x.what, x.path, w.now(arrives)-lines, int(l.heard.Load())-heard, err)
		}
	}

	// One that has fallen silent costs the question, and no further one.
	heard, lines := alive()
	w.now(silent)
	giving, up := context.WithCancel(ctx)
	asked := make(chan error, 1)
	go func() {
		_, err := c.post(giving, "/v1/sync", struct{}{}, &struct{}{})
		asked <- err
	}()
	<-w.lost
	up()
	if err := <-asked; !errors.Is(err, context.Canceled) || int(l.heard.Load()) != heard {
		t.Errorf("over a line that is silent: %v", err)
	}
	if err := ask("/v1/sync"); err != nil || int(l.heard.Load()) != heard+1 || w.now(arrives) != lines+1 {
		t.Errorf("after one that was silent: heard %d times, %v", int(l.heard.Load())-heard, err)
	}
}
