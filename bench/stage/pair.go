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

// Pair is two daemons in this process: a source that holds a content, and a sink.
type Pair struct {
	Journal Journal // of the sink

	source, sink *host
	client       *client.Client // of the sink
	desk         *desk
	first, id    content.ID // a small content, and the one to be measured
	size         int64
}

// firstSize is enough to make two hosts meet.
const firstSize = 1 << 20

// host is one daemon with its store, and its local API on a socket.
type host struct {
	store  *store.Store
	daemon *daemon.Daemon
	local  *http.Server
}

// NewPair starts both in the folder dir and publishes a content of that many bytes at the source, which is in the role of the hub. In a
// CPU profile the goroutines of each end carry the label "end", source or sink.
func NewPair(dir string, bytes int64) (*Pair, error) { return newPair(dir, bytes, fleet.RoleHub) }

// NewNeighbours is NewPair with two agents of one location, which use the carrier for that.
func NewNeighbours(dir string, bytes int64) (*Pair, error) {
	return newPair(dir, bytes, fleet.RoleAgent)
}

func newPair(dir string, bytes int64, role fleet.Role) (p *Pair, err error) {
	p = &Pair{size: bytes, desk: &desk{directory: fleet.NewDirectory(fleet.Member{}), contents: map[string][]byte{}}}
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
	location := "here"
	if role == fleet.RoleHub {
		location = "hub"
	}
	source, err := a.admit(filepath.Join(dir, "source"), role, location)
	if err != nil {
		return p, err
	}
	source.Publishers = []ed25519.PublicKey{public}
	asks := p.desk.of(source.Identity)
	if role == fleet.RoleHub {
		asks = nil
	}
	if p.source, err = startHost(source, asks, store.Events{}); err != nil {
		return p, err
	}
	if p.first, err = p.publish(dir, "first", firstSize, secret); err != nil {
		return p, err
	}
	if p.id, err = p.publish(dir, "bench", bytes, secret); err != nil {
		return p, err
	}
	sink, err := a.admit(filepath.Join(dir, "sink"), fleet.RoleAgent, "here")
	if err != nil {
		return p, err
	}
	addr := p.source.daemon.Addr().String()
	sink.Publishers, sink.HubAddr = source.Publishers, addr
	if role == fleet.RoleHub {
		sink.Hub = fleet.Member{Peer: source.Identity.Peer, Role: role, Location: location, Lan: addr, Wan: addr}
		p.desk.listed(sink.Hub)
	}
	p.sink, err = startHost(sink, p.desk.of(sink.Identity), store.Events{Committed: p.Journal.Committed})
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
func (p *Pair) publish(dir, name string, bytes int64, secret ed25519.PrivateKey) (id content.ID, err error) {
	path := filepath.Join(dir, "file")
	if err := WriteNoise(path, uint64(bytes), bytes); err != nil {
		return id, err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	m, err := walk.Publish(path, walk.Options{Name: name, Version: "1", Type: "bench"}, func(id content.ID, data []byte) error {
		return p.source.store.Put(store.Blob{ID: id, Data: data})
	})
	if err != nil {
		return id, err
	}
	s, err := content.Sign(m, secret)
	if err != nil {
		return id, err
	}
	p.desk.published(s)
	return s.ID(), p.source.daemon.Published(s.Encode())
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

// Connected makes the sink fetch something small of the source, after which they know one another and talk.
func (p *Pair) Connected(ctx context.Context) error {
	_, err := p.fetch(ctx, p.first, firstSize)
	return err
}

// Transfer fetches the content, from the request to the last chunk verified and on the sink's disk. Only the first time
// is there anything to fetch.
func (p *Pair) Transfer(ctx context.Context) (Cost, error) { return p.fetch(ctx, p.id, p.size) }

func (p *Pair) fetch(ctx context.Context, id content.ID, size int64) (Cost, error) {
	return measure(size, func() error {
		f, err := p.client.Get(ctx, api.Get{Ref: id.String()})
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

// Carrier is what the sink's conversation with the source runs on.
func (p *Pair) Carrier(ctx context.Context) (string, error) {
	peers, err := p.client.Peers(ctx)
	if err != nil || len(peers) != 1 {
		return "", errors.Join(err, fmt.Errorf("the sink knows %d hosts, not one", len(peers)))
	}
	return peers[0].Carrier, nil
}

func wait(ctx context.Context) error {
	select {
	case <-time.After(lookEvery):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
