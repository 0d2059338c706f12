// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// maxArrived bounds the bytes of packets that SCTP has not read yet; more are dropped, and SCTP sends them again.
const maxArrived = 16 << 20

// facade is the net.Conn that SCTP believes to be its network.
type facade struct {
	conn *Conn

	mu      sync.Mutex
	came    sync.Cond
	queue   []*packet // from head on
	head    int
	bytes   int
	expired bool
	closed  bool
}

// packet is the memory of one packet of SCTP's.
type packet struct{ data []byte }

var packets = sync.Pool{New: func() any { return &packet{data: make([]byte, 0, largestDatagram)} }}

func newFacade(c *Conn) *facade {
	f := &facade{conn: c}
	f.came.L = &f.mu
	return f
}

// arrived queues a packet for SCTP; flush says that there are no more for now.
func (f *facade) arrived(data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.bytes+len(data) > maxArrived {
		return
	}
	p := packets.Get().(*packet)
	p.data = append(p.data[:0], data...)
	f.queue = append(f.queue, p)
	f.bytes += len(data)
}

func (f *facade) flush() { f.came.Signal() }

// Read gives SCTP the next packet. That it asks means that it is done with the one before: a good moment to feed it.
func (f *facade) Read(b []byte) (int, error) {
	f.conn.feed()
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.head == len(f.queue) && !f.closed && !f.expired {
		f.came.Wait()
	}
	switch {
	case f.closed:
		return 0, io.EOF
	case f.expired:
		return 0, os.ErrDeadlineExceeded
	}
	p := f.queue[f.head]
	f.queue[f.head] = nil
	if f.head++; f.head == len(f.queue) {
		f.queue, f.head = f.queue[:0], 0
	}
	n := copy(b, p.data)
	f.bytes -= len(p.data)
	packets.Put(p)
	return n, nil
}

// Write takes a packet from SCTP; it never blocks.
func (f *facade) Write(b []byte) (int, error) {
	if err := f.conn.write(b); err != nil {
		return 0, io.EOF
	}
	return len(b), nil
}

// Close ends Read. SCTP calls it when it has come to an end by itself, too.
func (f *facade) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.came.Broadcast()
	return nil
}

func (f *facade) LocalAddr() net.Addr  { return net.UDPAddrFromAddrPort(f.conn.endpoint.Addr()) }
func (f *facade) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(f.conn.RemoteAddr()) }

func (f *facade) SetDeadline(t time.Time) error { return f.SetReadDeadline(t) }

// SetReadDeadline serves pion/sctp, which sets only deadlines that have passed, to wake its reader.
func (f *facade) SetReadDeadline(t time.Time) error {
	f.mu.Lock()
	f.expired = !t.IsZero() && !t.After(time.Now())
	f.mu.Unlock()
	f.came.Broadcast()
	return nil
}

func (f *facade) SetWriteDeadline(time.Time) error { return nil } // writes never wait
