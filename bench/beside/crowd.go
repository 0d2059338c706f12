// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/process"
)

// atOnce is how many guests of a crowd enrol at a time.
const atOnce = 2

// crowd is the process: it is told over a socket what it is and what to do, and tells there what happens.
func crowd(ctx context.Context, socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	// It closes with the process: who has us at the other end then reads our last words.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := ready(os.Stdout); err != nil {
		return err
	}
	in := json.NewDecoder(conn)
	var s Spec
	if err := in.Decode(&s); err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	told := make(chan Event, 4096)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { say(ctx, conn, told) })
	c := &company{ctx: ctx, byName: map[string]*guest{}, tell: func(e Event) {
		select {
		case told <- e:
		case <-ctx.Done():
		}
	}}
	guests := make([]*guest, len(s.Tokens))
	enrolling, _ := errgroup.WithContext(ctx)
	enrolling.SetLimit(atOnce)
	for i := range guests {
		enrolling.Go(func() (err error) {
			guests[i], err = c.enrol(s, i)
			if err == nil {
				guests[i].tell(Enrolled, "")
			}
			return err
		})
	}
	if err := enrolling.Wait(); err != nil {
		leave()
		return err
	}
	defer leave()
	for begun := false; ; begun = true {
		var o Order
		if err := in.Decode(&o); err != nil { // whoever told us what to do is gone
			return nil
		}
		if !begun {
			for _, g := range guests {
				running.Go(g.loop)
			}
		}
		c.watch.Store(o.Watch)
		c.deaf.Store(o.Deaf)
		for _, g := range guests {
			g.obey(o)
		}
	}
}

// say writes events together that come together.
func say(ctx context.Context, conn net.Conn, told <-chan Event) {
	w := bufio.NewWriter(conn)
	out := json.NewEncoder(w)
	for {
		select {
		case e := <-told:
			if out.Encode(e) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
		if len(told) == 0 && w.Flush() != nil {
			return
		}
	}
}

// Crowd is the other end of a crowd's process.
type Crowd struct {
	*process.Process
	conn net.Conn
	out  *json.Encoder
	dir  string
}

// Start starts a crowd, which tells what happens until it is stopped. exe is the program that hands what follows Word to Main.
func Start(ctx context.Context, exe string, s Spec, tell func(Event)) (c *Crowd, err error) {
	dir, err := os.MkdirTemp("", "ebb-crowd-") // short: the path of a socket has room for some hundred bytes
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	p, err := process.Program{Log: filepath.Join(dir, "log"), Args: []string{exe, Word, "crowd", socket}}.Start()
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, &struct{}{}); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	conn, err := l.Accept()
	if err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	c = &Crowd{Process: p, conn: conn, out: json.NewEncoder(conn), dir: dir}
	if err := c.out.Encode(s); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	go func() {
		in := json.NewDecoder(bufio.NewReader(conn))
		for {
			var e Event
			if err := in.Decode(&e); err != nil {
				tell(Event{What: Gone, At: time.Now(), Text: fmt.Sprintf("%v: %s", err, p.LastWords())})
				return
			}
			tell(e)
		}
	}()
	return c, nil
}

// Gone is told last, when a crowd has ended or was stopped.
const Gone = "gone"

// Order tells the crowd what to do.
func (c *Crowd) Order(o Order) error { return c.out.Encode(o) }

// Stop ends the crowd.
func (c *Crowd) Stop() error {
	return errors.Join(c.conn.Close(), c.Process.Stop(), os.RemoveAll(c.dir))
}
