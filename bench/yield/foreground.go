// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/ebbproject/ebb/bench"
)

const (
	fetchSize   = 100_000 // bytes
	fetchEvery  = time.Second
	fetchWithin = 20 * time.Second // a fetch that takes longer counts as this long
	callEvery   = 20 * time.Millisecond
	callSize    = 172                    // bytes: 20 ms of G.711 behind an RTP header
	callWithin  = 500 * time.Millisecond // what comes later is lost
)

// A stream is a bulk TCP flow from left to right that has no end.
type stream struct {
	sender, receiver net.Conn
	working          sync.WaitGroup
	mu               sync.Mutex
	course           course
}

// startStream connects and begins to send. Its course begins before the connection is made.
func startStream(r *rig, control string) (*stream, error) {
	l, err := listenTCP(r.right, control)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	s := &stream{course: course{begin: time.Now()}}
	conn, err := dialTCP(r.left, l.Addr(), control)
	if err != nil {
		return nil, err
	}
	s.sender = conn
	if s.receiver, err = l.Accept(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetLinger(0) // at the end, what is still unsent is thrown away
	s.working.Go(s.send)
	s.working.Go(s.receive)
	return s, nil
}

func (s *stream) send() {
	b := make([]byte, 64<<10)
	for {
		if _, err := s.sender.Write(b); err != nil {
			return
		}
	}
}

func (s *stream) receive() {
	b := make([]byte, 256<<10)
	for {
		n, err := s.receiver.Read(b)
		s.mu.Lock()
		s.course.came(time.Now(), n)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// stop ends it and returns its course.
func (s *stream) stop() *course {
	s.sender.Close()
	s.receiver.Close()
	s.working.Wait()
	return &s.course
}

// bulk is a stream that stays for a while.
func bulk(ctx context.Context, r *rig, control string, stay time.Duration) (*course, error) {
	s, err := startStream(r, control)
	if err != nil {
		return nil, err
	}
	err = bench.Wait(ctx, stay-time.Since(s.course.begin))
	return s.stop(), err
}

// fetches asks for a small thing over a new connection each second, and returns how long each took, in milliseconds.
func fetches(ctx context.Context, r *rig, stay time.Duration) (took []float64, err error) {
	l, err := listenTCP(r.left, "cubic")
	if err != nil {
		return nil, err
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { answer(conn) })
		}
	})
	defer serving.Wait()
	defer l.Close()
	begin := time.Now()
	for next := begin; next.Sub(begin) < stay; next = next.Add(fetchEvery) {
		if err := bench.Wait(ctx, time.Until(next)); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := fetch(r, l.Addr()); err != nil && time.Since(began) < fetchWithin {
			return nil, err
		}
		took = append(took, milliseconds(time.Since(began)))
		for time.Since(next) > fetchEvery { // it took longer than there is between two
			next = next.Add(fetchEvery)
		}
	}
	return took, nil
}

// answer waits for a request and sends what was asked for.
func answer(conn net.Conn) {
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 100)); err == nil {
		_, _ = conn.Write(make([]byte, fetchSize))
	}
}

func fetch(r *rig, from net.Addr) error {
	conn, err := dialTCP(r.right, from, "cubic")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(fetchWithin)); err != nil {
		return err
	}
	if _, err := conn.Write(make([]byte, 100)); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, conn, fetchSize)
	return err
}

// talk is what became of a call.
type talk struct {
	delays []float64 // ms, of the packets that came
	sent   int
}

// call sends 50 packets a second to the right.
func call(ctx context.Context, r *rig, stay time.Duration) (t talk, err error) {
	from, err := listenUDP(r.left)
	if err != nil {
		return t, err
	}
	defer from.Close()
	to, err := listenUDP(r.right)
	if err != nil {
		return t, err
	}
	defer to.Close()
	var hearing sync.WaitGroup
	hearing.Go(func() { t.delays = hear(to) })
	b := make([]byte, callSize)
	begin := time.Now()
	for next := begin; next.Sub(begin) < stay && err == nil; next = next.Add(callEvery) {
		if err = bench.Wait(ctx, time.Until(next)); err == nil {
			binary.BigEndian.PutUint64(b, uint64(time.Now().UnixNano()))
			_, err = from.WriteTo(b, to.LocalAddr())
			t.sent++
		}
	}
	err = errors.Join(err, to.SetReadDeadline(time.Now().Add(callWithin)))
	hearing.Wait()
	return t, err
}

// hear returns the delays of what comes until the socket's deadline.
func hear(c *net.UDPConn) (delays []float64) {
	b := make([]byte, 2048)
	for {
		n, came, err := receiveUDP(c, b)
		if err != nil {
			return delays
		}
		if n == callSize {
			delays = append(delays, milliseconds(came.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b))))))
		}
	}
}
