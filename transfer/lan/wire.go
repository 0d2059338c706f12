// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"net"
	"sync"
)

const (
	gathered = 64 << 10  // bytes of records that one system call takes
	readAt   = 128 << 10 // bytes asked for in one
)

// wire is the TCP connection as TLS sees it: it gathers the records that are written until flush, and reads as much as there is. TLS alone would
// make a system call of each record, and on loopback wake the other end as often.
type wire struct {
	*net.TCPConn

	in   []byte // read and not yet asked for
	into []byte

	mu     sync.Mutex // TLS may answer from the reader's goroutine
	out    []byte
	gather bool // begun; before that everything is written at once
	err    error
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.in) == 0 {
		if w.into == nil {
			w.into = make([]byte, readAt)
		}
		n, err := w.TCPConn.Read(w.into)
		if n == 0 {
			return 0, err
		}
		w.in = w.into[:n]
	}
	n := copy(b, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gather {
		return w.TCPConn.Write(b)
	}
	w.out = append(w.out, b...)
	if len(w.out) < gathered {
		return len(b), w.err
	}
	return len(b), w.send()
}

// flush sends what was gathered, and gathers from now on.
func (w *wire) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gather = true
	return w.send()
}

func (w *wire) send() error {
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.TCPConn.Write(w.out)
	}
	w.out = w.out[:0]
	return w.err
}
