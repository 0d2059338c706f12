// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/content/walk"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer/udp"
)

// Pair is two daemons in this process: a source that holds a content, in the role of the hub, and a sink.
type Pair struct {
	Journal Journal // of the sink

	source, sink *host
	client       *client.Client // of the sink
	id           content.ID
	size         int64
}

// host is one daemon with its store, and its local API on a socket.
type host struct {
	store  *store.Store
	daemon *daemon.Daemon
	local  *http.Server
}

// NewPair starts both in the folder dir and publishes a content of that many bytes at the source. In a CPU profile the
// goroutines of each end carry the label "end", source or sink.
func NewPair(dir string, bytes int64) (p *Pair, err error) {
	p = &Pair{size: bytes}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	a, err := newAuthority()
	if err != nil {
		return p, err
	}
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return p, fmt.Errorf("make a publisher's key: %w", err)
	}
	source, err := a.admit(filepath.Join(dir, "source"), fleet.RoleHub, "hub")
	if err != nil {
		return p, err
	}
	source.Publishers = []ed25519.PublicKey{public}
	if p.source, err = startHost(source, nil, store.Events{}); err != nil {
		return p, err
	}
	signed, err := p.publish(dir, secret)
	if err != nil {
		return p, err
	}
	sink, err := a.admit(filepath.Join(dir, "sink"), fleet.RoleAgent, "here")
	if err != nil {
		return p, err
	}
	addr := p.source.daemon.Addr().String()
	sink.Publishers, sink.HubAddr = source.Publishers, addr
	sink.Hub = fleet.Member{Peer: source.Identity.Peer, Role: fleet.RoleHub, Location: source.Identity.Location, Lan: addr, Wan: addr}
	p.sink, err = startHost(sink, &desk{hub: sink.Hub, signed: signed}, store.Events{Committed: p.Journal.Committed})
	p.client = client.New(sink.Dir)
	return p, err
}

func startHost(n *node.Node, hub daemon.Hub, events store.Events) (h *host, err error) {
	h = &host{}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return h, err
	}
	if h.store, err = store.Open(filepath.Join(n.Dir, "store"), store.Options{Events: events}); err != nil {
		return h, err
	}
	socket, err := udp.Listen(udp.Config{Address: loopback, TrafficClass: udp.LowEffort | udp.ECT0})
	if err != nil {
		return h, err
	}
	o := daemon.Options{Node: n, Store: h.store, Socket: socket, Hub: hub, Log: slog.New(slog.DiscardHandler)}
	pprof.Do(context.Background(), pprof.Labels("end", filepath.Base(n.Dir)), func(context.Context) { h.daemon, err = daemon.Start(o) })
	if err != nil {
		return h, err
	}
	listener, err := net.Listen("unix", client.Socket(n.Dir))
	if err != nil {
		return h, err
	}
	h.local = &http.Server{Handler: h.daemon.Handler()}
	go func() { _ = h.local.Serve(listener) }()
	return h, nil
}

func (h *host) close() error {
	if h == nil {
		return nil
	}
	var errs []error
	if h.local != nil {
		errs = append(errs, h.local.Close())
	}
	if h.daemon != nil {
		errs = append(errs, h.daemon.Close())
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}

// Close ends both. The folder remains.
func (p *Pair) Close() error {
	if p.client != nil {
		p.client.Close()
	}
	return errors.Join(p.sink.close(), p.source.close())
}

// publish makes a file of noise, puts its chunks into the source's store, and signs for them.
func (p *Pair) publish(dir string, secret ed25519.PrivateKey) (signed []byte, err error) {
	path := filepath.Join(dir, "file")
	if err := WriteNoise(path, 1, p.size); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	m, err := walk.Publish(path, walk.Options{Name: "bench", Version: "1", Type: "bench"}, func(id content.ID, data []byte) error {
		return p.source.store.Put(store.Blob{ID: id, Data: data})
	})
	if err != nil {
		return nil, err
	}
	s, err := content.Sign(m, secret)
	if err != nil {
		return nil, err
	}
	p.id = s.ID()
	return s.Encode(), p.source.daemon.Published(s.Encode())
}

// WriteNoise makes a file of bytes that nothing compresses, and syncs it, so that it disturbs nothing later.
func WriteNoise(path string, seed uint64, bytes int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, Noise(seed, bytes))
	return errors.Join(err, f.Sync(), f.Close())
}

const lookEvery = 10 * time.Millisecond

// Connected waits until the sink talks to the source.
func (p *Pair) Connected(ctx context.Context) error {
	for {
		peers, err := p.client.Peers(ctx)
		if err != nil {
			return err
		}
		for _, x := range peers {
			if x.Connected {
				return nil
			}
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
}

// Transfer fetches the content, from the request to the last chunk verified and on the sink's disk. Only the first time
// is there anything to fetch.
func (p *Pair) Transfer(ctx context.Context) (Cost, error) {
	return measure(p.size, func() error {
		f, err := p.client.Get(ctx, api.Get{Ref: p.id.String()})
		for err == nil && !f.Ended() {
			if err = wait(ctx); err == nil {
				f, err = p.client.Flow(ctx, f.ID)
			}
		}
		if err == nil && f.State != api.StateDone {
			err = fmt.Errorf("the transfer ended as %s: %s: %s", f.State, f.Reason, f.Detail)
		}
		return err
	})
}

func wait(ctx context.Context) error {
	select {
	case <-time.After(lookEvery):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// desk is all of a hub that one content needs.
type desk struct {
	hub    fleet.Member
	signed []byte
}

func (d *desk) Sync(context.Context, fleet.SyncRequest) (fleet.SyncReply, error) {
	return fleet.SyncReply{Hub: d.hub, Time: time.Now()}, nil
}

func (d *desk) Content(context.Context, string) ([]byte, error) { return d.signed, nil }

func (d *desk) Copies(_ context.Context, r fleet.CopiesRequest) (fleet.CopiesReply, error) {
	return fleet.CopiesReply{Ahead: make([]int, len(r.Kept))}, nil
}
