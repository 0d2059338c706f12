// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

// office is a control plane that takes letters. It seals nothing: what seals are worth is told by the tests of hub and client.
type office struct {
	*world
	mu     sync.Mutex
	batch  int            // letters in the largest
	direct map[string]int // reports by who came itself, by their address
	heard  map[string]int // all reports
	forged bool           // what hosts get for an answer is none
}

var errForged = errors.New("the seal is broken")

// Sync implements Hub.
func (o *office) Sync(ctx context.Context, r fleet.SyncRequest) (fleet.SyncReply, error) {
	o.mu.Lock()
	o.direct[r.Lan]++
	o.mu.Unlock()
	return o.hear(ctx, r)
}

func (o *office) hear(ctx context.Context, r fleet.SyncRequest) (fleet.SyncReply, error) {
	reply, err := o.world.Sync(ctx, r)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard[r.Lan]++
	reply.Relay, reply.Cursor, reply.Every = true, "here", 2
	for i := range reply.Peers {
		reply.Peers[i].Relay = true
	}
	return reply, err
}

// Write implements Hub.
func (o *office) Write(_ context.Context, r fleet.SyncRequest) (relay.Sent, error) {
	letter, err := json.Marshal(r)
	return relay.Sent{Raw: letter}, err
}

// Read implements Hub.
func (o *office) Read(_ context.Context, answer []byte, _ relay.Sent) (reply fleet.SyncReply, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.forged {
		return reply, errForged
	}
	err = json.Unmarshal(answer, &reply)
	return reply, err
}

// Letters implements Hub.
func (o *office) Letters(ctx context.Context, r fleet.LettersRequest) (reply fleet.LettersReply, err error) {
	o.mu.Lock()
	o.batch = max(o.batch, len(r.Letters))
	o.mu.Unlock()
	for _, letter := range r.Letters {
		var r fleet.SyncRequest
		if err := json.Unmarshal(letter, &r); err != nil {
			return reply, err
		}
		a, err := o.hear(ctx, r)
		if err != nil {
			return reply, err
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return reply, err
		}
		reply.Answers = append(reply.Answers, raw)
	}
	return reply, nil
}

// more waits until so many further reports of each host have come in this way.
func (o *office) more(t *testing.T, all []*running, n int, come func(addr string) int) {
	t.Helper()
	count := func() (now []int) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, r := range all {
			now = append(now, come(r.Addr().String()))
		}
		return now
	}
	before := count()
	eventually(t, "a report of each", func() bool {
		for i, now := range count() {
			if now < before[i]+n {
				return false
			}
		}
		return true
	})
}

func (r *running) through() string {
	var s api.Status
	r.call(http.MethodGet, "status", "", &s)
	return s.Hub.Through
}

// Five hosts report by way of one of them. It goes, and they do by way of another; what is no answer of the hub counts for none, and is said.
func TestHostsReportByWayOfOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := &office{world: w, direct: map[string]int{}, heard: map[string]int{}}
	x := w.publish("x", 1<<20, w.secret) // nobody has it: who fetches it reports as often as the office wants
	var all []*running
	for range 5 {
		all = append(all, w.startWith(w.host(fleet.RoleAgent, "berlin"), func(op *Options) { op.Hub = o }))
		w.list(all[len(all)-1].node.Identity, all[len(all)-1].Addr())
	}
	for _, r := range all {
		r.get(x.manifest.Name)
	}
	agree := func(not string) (super *running) {
		t.Helper()
		eventually(t, "that all report by way of one", func() bool {
			by := all[0].through()
			for _, r := range all {
				if by == not || r.through() != by {
					return false
				}
				if r.node.Identity.Peer == by {
					super = r
				}
			}
			return super != nil
		})
		return super
	}
	super := agree("")
	relayed := func(addr string) int { return o.heard[addr] - o.direct[addr] }
	o.more(t, all, 3, relayed)
	for _, r := range all {
		if f, ok := r.Figures(); !ok || f.Relayed < 1 || f.Direct < 1 {
			t.Errorf("a host counts %d relayed and %d direct", f.Relayed, f.Direct)
		}
	}
	o.mu.Lock()
	if o.batch < 2 {
		t.Errorf("at most %d letter goes to the hub at a time", o.batch)
	}
	o.mu.Unlock()

	must(t, super.Close())
	rest := all[:0:0]
	for _, r := range all {
		if r != super {
			rest = append(rest, r)
		}
	}
	all = rest
	next := agree(super.node.Identity.Peer)
	o.more(t, all, 2, relayed)

	o.mu.Lock()
	o.forged = true
	o.mu.Unlock()
	for _, r := range all {
		eventually(t, "a word on what is no answer", func() bool { return strings.Contains(r.log.String(), errForged.Error()) })
		if r.through() != "" {
			t.Errorf("still by way of %s", next.node.Identity.Peer)
		}
	}
	o.more(t, all, 2, func(addr string) int { return o.direct[addr] })
}
