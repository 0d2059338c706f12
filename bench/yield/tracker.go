// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// A tracker tells two peers of one torrent of one another (BEP 3, BEP 23).
type tracker struct {
	server *http.Server
	url    string

	mu     sync.Mutex
	peers  map[netip.AddrPort]bool
	seeded chan struct{} // closed when somebody has it all
}

// newTracker listens at a place. The socket belongs to TCP cubic's listeners, which is of no importance here.
func newTracker(at place) (*tracker, error) {
	l, err := listenTCP(at, "cubic")
	if err != nil {
		return nil, err
	}
	t := &tracker{url: fmt.Sprintf("http://%s/announce", l.Addr()), peers: map[netip.AddrPort]bool{}, seeded: make(chan struct{})}
	t.server = &http.Server{Handler: http.HandlerFunc(t.announce), ReadHeaderTimeout: time.Minute}
	go t.server.Serve(l) // ends with close
	return t, nil
}

func (t *tracker) announce(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	addr, err := netip.ParseAddr(host)
	port, bad := strconv.ParseUint(r.FormValue("port"), 10, 16)
	if err != nil || bad != nil {
		http.Error(w, "who?", http.StatusBadRequest)
		return
	}
	self := netip.AddrPortFrom(addr, uint16(port))
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.FormValue("event") == "stopped" {
		delete(t.peers, self)
	} else {
		t.peers[self] = true
	}
	if r.FormValue("left") == "0" {
		select {
		case <-t.seeded:
		default:
			close(t.seeded)
		}
	}
	var compact []byte
	for p := range t.peers {
		if ip := p.Addr().As4(); p != self {
			compact = binary.BigEndian.AppendUint16(append(compact, ip[:]...), p.Port())
		}
	}
	fmt.Fprint(w, bencode(map[string]any{"interval": int64(5), "min interval": int64(2), "peers": string(compact)}))
}

// forget forgets the peers at an address.
func (t *tracker) forget(addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.peers {
		if p.Addr() == addr {
			delete(t.peers, p)
		}
	}
}

// seedWithin bounds how long a client may take to announce what it has.
const seedWithin = 30 * time.Second

// seed waits until somebody has it all.
func (t *tracker) seed(ctx context.Context) error {
	select {
	case <-t.seeded:
		return nil
	case <-time.After(seedWithin):
		return fmt.Errorf("the seeder did not announce itself within %v", seedWithin)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *tracker) close() error { return t.server.Close() }
