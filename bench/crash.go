// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// crashed is one round: the sink was killed in the middle and finished after it was started again.
type crashed struct {
	refetched int64 // bytes the source sent beyond the size of the content
	underWay  int64 // bytes asked for and not stored, when last looked at before the kill
	stored    int64 // bytes stored, at the same moment
}

func (b *bench) crash(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("kill -9 of the sink in a transfer of %s, %d rounds, seed %d", size(b.o.CrashSize), b.o.CrashRounds, b.o.Seed)
	f, err := b.newFleet(ctx, "victim", b.o.CrashSize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	rnd := rand.New(rand.NewPCG(b.o.Seed, 0x6b696c6c))
	var refetched, underWay, beyond []float64
	for i := range b.o.CrashRounds {
		b.say("crash, round %d of %d", i+1, b.o.CrashRounds)
		r, err := f.crash(ctx, rnd)
		if err != nil {
			return err
		}
		refetched = append(refetched, mebibytes(r.refetched))
		underWay = append(underWay, mebibytes(r.underWay))
		beyond = append(beyond, mebibytes(max(r.refetched-r.underWay, 0)))
	}
	for _, list := range [][]float64{refetched, underWay, beyond} {
		slices.Sort(list)
	}
	s.add("fetched again, most", refetched[len(refetched)-1], "MiB").should(atMost, goalRefetch).
		note("the scheduler lets %d MiB be under way; what was cut and never arrived counts too", goalRefetch)
	s.add("fetched again, median", median(refetched), "MiB")
	s.add("under way just before the kill, most", underWay[len(underWay)-1], "MiB")
	s.add("under way just before the kill, median", median(underWay), "MiB")
	s.add("fetched again beyond that, most", beyond[len(beyond)-1], "MiB").note("asked for between the last look and the kill")
	return nil
}

// crash kills a new sink at a random point of its transfer.
func (f *fleet) crash(ctx context.Context, rnd *rand.Rand) (r crashed, err error) {
	s, err := f.join(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.leave()) }()
	if _, err := s.client.Get(ctx, api.Get{Ref: f.name}); err != nil {
		return r, err
	}
	at := int64((0.02 + 0.9*rnd.Float64()) * float64(f.size))
	err = poll(ctx, 2*time.Millisecond, func() (bool, error) {
		flow, err := s.flow(ctx)
		r.underWay, r.stored = flow.InFlight, flow.Verified
		if err == nil && flow.State == api.StateDone {
			err = errors.New("the transfer was over before the sink could be killed; take a larger one")
		}
		return flow.Verified >= at, err
	})
	if err != nil {
		return r, err
	}
	time.Sleep(time.Duration(rnd.Int64N(int64(5 * time.Millisecond)))) // away from the moment at which a chunk was stored
	if err := s.Kill(); err != nil {
		return r, err
	}
	s.client.Close()
	if err := s.wake(ctx); err != nil {
		return r, err
	}
	err = poll(ctx, lookEvery, func() (bool, error) {
		flow, err := s.flow(ctx)
		return flow.State == api.StateDone, err
	})
	if err != nil {
		return r, err
	}
	sent, err := f.sentTo(ctx, s.Ready.Peer)
	r.refetched = sent - f.size
	return r, err
}

// settled is longer than it takes a conversation to report what it has sent, a few times a second.
const settled = 600 * time.Millisecond

// sentTo is what the source has sent to a peer in all its conversations, once it changes no more.
func (f *fleet) sentTo(ctx context.Context, peer string) (bytes int64, err error) {
	last := int64(-1)
	err = poll(ctx, settled, func() (bool, error) {
		peers, err := f.client.Peers(ctx)
		i := slices.IndexFunc(peers, func(p api.Peer) bool { return p.Peer == peer })
		if err != nil || i < 0 {
			return false, errors.Join(err, fmt.Errorf("the source does not know the sink %s", peer))
		}
		bytes = peers[i].Sent
		same := bytes == last
		last = bytes
		return same, nil
	})
	return bytes, err
}
