// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"fmt"
	"net"
	"sync"
)

// relay carries TCP connections on, or holds back what comes: a network that has fallen silent closes nothing.
type relay struct {
	listener net.Listener
	to       string
	silent   sync.RWMutex // held while nothing may pass
	mu       sync.Mutex
	held     bool
	conns    map[net.Conn]bool
}

// relay starts one that leads to a port of this host, and says where it is.
func (c *Cluster) relay(port int) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	r := &relay{listener: l, to: fmt.Sprintf("127.0.0.1:%d", port), conns: map[net.Conn]bool{}}
	c.held = append(c.held, r)
	go r.accept()
	return l.Addr().String(), nil
}

func (r *relay) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.join(from)
	}
}

func (r *relay) join(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	r.mu.Lock()
	r.conns[from], r.conns[to] = true, true
	r.mu.Unlock()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			r.carry(way[0], way[1])
			done <- struct{}{}
		}()
	}
	<-done
	r.mu.Lock()
	delete(r.conns, from)
	delete(r.conns, to)
	r.mu.Unlock()
}

func (r *relay) carry(from, to net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		r.silent.RLock()               // the end of a connection is not noticed either
		_, failed := to.Write(buf[:n]) // of nothing: fine
		r.silent.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}

func (r *relay) hold(on bool) {
	if on == r.held {
		return
	}
	r.held = on
	if on {
		r.silent.Lock()
	} else {
		r.silent.Unlock()
	}
}

func (r *relay) close() error {
	err := r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
	return err
}
