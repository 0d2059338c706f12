// SPDX-License-Identifier: Apache-2.0

package torrent

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

	mu    sync.Mutex
	peers map[netip.AddrPort]bool // true: it has it all
	news  chan struct{}           // closed, and made anew, when one more has
}

func newTracker(l net.Listener) *tracker {
	t := &tracker{url: fmt.Sprintf("http://%s/announce", l.Addr()), peers: map[netip.AddrPort]bool{}, news: make(chan struct{})}
	t.server = &http.Server{Handler: http.HandlerFunc(t.announce), ReadHeaderTimeout: time.Minute}
	go t.server.Serve(l) // ends with close
	return t
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
		t.peers[self] = r.FormValue("left") == "0"
	}
	if t.peers[self] {
		close(t.news)
		t.news = make(chan struct{})
	}
	var compact []byte
	for p := range t.peers {
		if ip := p.Addr().As4(); p != self {
			compact = binary.BigEndian.AppendUint16(append(compact, ip[:]...), p.Port())
		}
	}
	fmt.Fprint(w, bencode(map[string]any{"interval": int64(5), "min interval": int64(2), "peers": string(compact)}))
}

// forget forgets a peer.
func (t *tracker) forget(p netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.peers, p)
}

const (
	seedWithin  = 30 * time.Second // bounds how long a client may take to announce what it has,
	fetchWithin = 10 * time.Minute // and how long to fetch it
)

// complete waits until so many have it all.
func (t *tracker) complete(ctx context.Context, peers int, within time.Duration) error {
	late := time.After(within)
	for {
		t.mu.Lock()
		have, news := 0, t.news
		for _, all := range t.peers {
			if all {
				have++
			}
		}
		t.mu.Unlock()
		if have >= peers {
			return nil
		}
		select {
		case <-news:
		case <-late:
			return fmt.Errorf("%d of %d clients have announced within %v that they have it all", have, peers, within)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (t *tracker) close() error { return t.server.Close() }
