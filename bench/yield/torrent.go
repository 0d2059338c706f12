// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"

	"github.com/ebbproject/ebb/bench/torrent"
)

// swarm is a BitTorrent client that seeds at the left end, and one at the right end, new at each start, that fetches.
type swarm struct {
	client torrent.Client
	seed   uint64

	rig   *rig
	swarm *torrent.Swarm
}

// torrentPort is free at both ends: they have a namespace of their own.
const torrentPort = 6881

func (s *swarm) prepare(ctx context.Context, r *rig) error {
	if err := s.client.Installed(ctx); err != nil {
		return err
	}
	s.rig = r
	l, err := listenTCP(r.left, "cubic") // which is of no importance here
	if err != nil {
		return err
	}
	s.swarm, err = torrent.Seed(ctx, s.client, r.dir, l, peerAt(r.left), s.seed, r.content)
	return err
}

func peerAt(at place) torrent.Place {
	return torrent.Place{Namespace: at.namespace, Addr: at.addr, Port: torrentPort}
}

func (s *swarm) start(context.Context) error { return s.swarm.Leech(peerAt(s.rig.right)) }

func (s *swarm) stop() error { return s.swarm.Stop() }

func (s *swarm) close() error {
	if s.swarm == nil {
		return nil
	}
	return s.swarm.Close()
}
