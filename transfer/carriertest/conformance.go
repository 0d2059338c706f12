// SPDX-License-Identifier: Apache-2.0

// Package carriertest holds what every carrier of a session must do, whatever it runs on, as one suite of tests.
package carriertest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer/carrier"
)

// Conn is what a session and its owner need of a conversation's carrier.
type Conn interface {
	PeerCertificate() *x509.Certificate
	RemoteAddr() netip.AddrPort
	Send(msg []byte, unordered bool) error
	Budget() int
	Grain() int
	Ready() <-chan struct{}
	Handed() uint64
	Receive(ctx context.Context) ([]byte, error)
	Recycle(msg []byte)
	Stats() carrier.Stats
	Done() <-chan struct{}
	Err() error
	Close() error
}

// Join gives the two ends of a fresh conversation over loopback between hosts whose certificates name them a and b; a dialled. It
// arranges for their closing at the end of the test.
type Join func(t *testing.T) (a, b Conn)

// patience bounds every wait; only a failing test ever waits for so long.
const patience = 2 * time.Minute

// Conformance is what every carrier must do.
func Conformance(t *testing.T, join Join) {
	for name, test := range map[string]func(t *testing.T, a, b Conn){
		"the ends know each other":                      acquainted,
		"messages of all sizes arrive whole, both ways": sizes,
		"ordered messages keep their order":             ordered,
		"the sender's buffer may be used again":         copied,
		"messages have a size":                          sized,
		"as much as the budget allows":                  poured,
		"both ways at once":                             crossed,
		"many senders":                                  senders,
		"a peer that does not receive stops the sender": stuffed,
		"waiting for a message ends with its context":   impatient,
		"what was sent before Close is received":        farewell,
		"Close is quick, and may be repeated":           closed,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := join(t)
			test(t, a, b)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// receive takes the next message and gives a copy of it.
func receive(t *testing.T, c Conn) []byte {
	t.Helper()
	m, err := c.Receive(within(t))
	must(t, err)
	defer c.Recycle(m)
	return bytes.Clone(m)
}

func acquainted(t *testing.T, a, b Conn) {
	if n := a.PeerCertificate().Subject.CommonName; n != "b" {
		t.Errorf("a speaks with %q", n)
	}
	if n := b.PeerCertificate().Subject.CommonName; n != "a" {
		t.Errorf("b speaks with %q", n)
	}
	if !a.RemoteAddr().Addr().IsLoopback() || !b.RemoteAddr().Addr().IsLoopback() {
		t.Errorf("seen at %v and %v", a.RemoteAddr(), b.RemoteAddr())
	}
}

func sizes(t *testing.T, a, b Conn) {
	for _, n := range []int{1, 2, 100, 1000, 1 << 14, a.Grain(), a.Grain() + 1, 1 << 16, carrier.MaxMessage} {
		for _, unordered := range []bool{false, true} {
			sent := bytes.Repeat([]byte{byte(n), byte(n >> 8), 7}, n/3+1)[:n]
			must(t, a.Send(sent, unordered))
			got := receive(t, b)
			must(t, b.Send(got, unordered))
			if back := receive(t, a); !bytes.Equal(got, sent) || !bytes.Equal(back, sent) {
				t.Errorf("%d bytes were sent, %d arrived and %d came back, or other ones", n, len(got), len(back))
			}
		}
	}
}

func ordered(t *testing.T, a, b Conn) {
	const count = 1000
	sent := make(chan error, 1)
	go func() {
		for i := range uint32(count) {
			if err := a.Send(binary.BigEndian.AppendUint32(nil, i), false); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range uint32(count) {
		if got := binary.BigEndian.Uint32(receive(t, b)); got != i {
			t.Fatalf("message %d came where %d was due", got, i)
		}
	}
	must(t, <-sent)
}

func copied(t *testing.T, a, b Conn) {
	buf := make([]byte, 1<<15)
	for i := range 20 {
		for j := range buf {
			buf[j] = byte(i)
		}
		must(t, a.Send(buf, false))
	}
	for i := range 20 {
		if m := receive(t, b); len(m) != len(buf) || bytes.Count(m, []byte{byte(i)}) != len(m) {
			t.Fatalf("message %d has %d bytes, or those of another", i, len(m))
		}
	}
}

func sized(t *testing.T, a, b Conn) {
	for _, n := range []int{0, carrier.MaxMessage + 1} {
		if err := a.Send(make([]byte, n), false); !errors.Is(err, carrier.ErrSize) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if g := a.Grain(); g < 1000 || g > carrier.MaxMessage {
		t.Errorf("grain %d", g)
	}
	must(t, a.Send([]byte("still there"), false))
	receive(t, b)
}

// pour sends numbered messages of about that many bytes in all as the budget allows, until the Conn ends.
func pour(c Conn, total int) (sent int, err error) {
	buf := make([]byte, carrier.MaxMessage)
	for number := uint32(0); sent < total; number++ {
		for c.Budget() == 0 {
			select {
			case <-c.Ready():
			case <-c.Done():
				return sent, c.Err()
			}
		}
		g := c.Grain()
		// What the window has room for may change between the two questions, but not every time.
		for tries := 0; ; tries++ {
			if n := c.Budget(); n == 0 || n >= g {
				break
			} else if tries == 100 {
				return sent, fmt.Errorf("a budget of %d bytes is smaller than the grain of %d", n, g)
			}
			g = c.Grain()
		}
		binary.BigEndian.PutUint32(buf, number)
		if err := c.Send(buf[:g], true); err != nil {
			return sent, err
		}
		sent += g
	}
	return sent, nil
}

// drain receives until that many bytes have come, and holds that no message came twice.
func drain(t *testing.T, c Conn, total int) {
	t.Helper()
	seen := map[uint32]bool{}
	for got := 0; got < total; {
		m, err := c.Receive(within(t))
		if err != nil {
			t.Errorf("with %d of %d bytes: %v", got, total, err)
			return
		}
		if number := binary.BigEndian.Uint32(m); seen[number] {
			t.Errorf("message %d came twice", number)
		} else {
			seen[number] = true
		}
		got += len(m)
		c.Recycle(m)
	}
}

func poured(t *testing.T, a, b Conn) {
	const total = 8 << 20
	result := make(chan error, 1)
	go func() {
		_, err := pour(a, total)
		result <- err
	}()
	drain(t, b, total)
	must(t, <-result)
	if n := a.Handed(); n < total {
		t.Errorf("%d bytes were handed over", n)
	}
	for end := time.Now().Add(patience); a.Stats().Buffered > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not known that everything has arrived: %+v", a.Stats())
		}
	}
	if s := a.Stats(); s.BytesSent < total || s.RTT <= 0 || time.Since(s.LastHeard) > patience {
		t.Errorf("%+v", s)
	}
	if s := b.Stats(); s.BytesReceived < total {
		t.Errorf("%+v", s)
	}
}

func crossed(t *testing.T, a, b Conn) {
	const total = 4 << 20
	var all sync.WaitGroup
	for _, c := range []Conn{a, b} {
		all.Go(func() {
			if _, err := pour(c, total); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { drain(t, c, total) })
	}
	all.Wait()
}

func senders(t *testing.T, a, b Conn) {
	const each, count = 50, 8
	var all sync.WaitGroup
	for range count {
		all.Go(func() {
			for range each {
				if err := a.Send(make([]byte, 3000), true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range each * count {
		if m := receive(t, b); len(m) != 3000 {
			t.Fatalf("%d bytes", len(m))
		}
	}
	all.Wait()
}

func stuffed(t *testing.T, a, _ Conn) {
	const most = 256 << 20 // what kernels and queues may take
	result := make(chan error, 1)
	sent := 0
	go func() {
		var err error
		sent, err = pour(a, most)
		result <- err
	}()
	before := uint64(0)
	for still := 0; still < 20; time.Sleep(20 * time.Millisecond) {
		if n := a.Handed(); n != before {
			before, still = n, 0
			continue
		}
		still++
	}
	must(t, a.Close())
	if err := <-result; !errors.Is(err, carrier.ErrClosed) {
		t.Errorf("%d bytes went nowhere: %v", sent, err)
	}
}

func impatient(t *testing.T, a, b Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, b.Send([]byte("later"), false))
	if got := receive(t, a); string(got) != "later" {
		t.Errorf("%q", got)
	}
}

func farewell(t *testing.T, a, b Conn) {
	const count = 200 // more than waits in memory
	for range count {
		must(t, a.Send(make([]byte, 1000), false))
	}
	result := make(chan error, 1)
	go func() { result <- a.Close() }()
	for range count {
		receive(t, b)
	}
	must(t, <-result)
	if _, err := b.Receive(within(t)); !errors.Is(err, carrier.ErrPeerClosed) {
		t.Errorf("after the last message: %v", err)
	}
	<-b.Done()
	if err := b.Err(); !errors.Is(err, carrier.ErrPeerClosed) {
		t.Errorf("the end: %v", err)
	}
	if err := b.Send([]byte("late"), false); !errors.Is(err, carrier.ErrPeerClosed) {
		t.Errorf("sent after the peer's Close: %v", err)
	}
	if err := a.Send([]byte("late"), false); !errors.Is(err, carrier.ErrClosed) {
		t.Errorf("sent after Close: %v", err)
	}
	if a.Budget() != 0 || b.Budget() != 0 {
		t.Error("a budget after the end")
	}
}

func closed(t *testing.T, a, b Conn) {
	if a.Err() != nil {
		t.Error(a.Err())
	}
	var all sync.WaitGroup
	for _, c := range []Conn{a, a, b} {
		all.Go(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := a.Err(); !errors.Is(err, carrier.ErrClosed) && !errors.Is(err, carrier.ErrPeerClosed) {
		t.Error(err)
	}
}
