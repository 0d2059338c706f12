// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer/udp"
)

// A machine and the clone of its disk, both of which want something that nobody has, stay with their neighbours: these notice, keep the
// conversation there is, and say what to do, once.
func TestTwinsAreNoticedByTheirNeighbours(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("127.0.0.2 is no address of this machine")
	}
	t.Parallel()
	w := newWorld(t)
	w.mute = true
	p := w.start(w.host(fleet.RoleAgent, "here"))
	w.listNear(p.node.Identity, p.Addr(), p.lanPort())
	twins := [2]*running{}
	one := w.host(fleet.RoleAgent, "here")
	for i, addr := range []string{"127.0.0.2:0", "127.0.0.3:0"} {
		n := *one
		n.Dir = t.TempDir()
		twins[i] = w.startWith(&n, func(o *Options) {
			must(t, o.Socket.Close())
			s, err := udp.Listen(udp.Config{Address: netip.MustParseAddrPort(addr)})
			must(t, err)
			o.Socket = s
		})
		twins[i].get("nothing")
	}
	const said = "two hosts use its identity"
	eventually(t, "noticing", func() bool { return strings.Contains(p.peer(one.Identity.Peer).Reason, said) })
	now := func() (c *conversation) {
		p.ask(func(*agent.Core, time.Time) { c = p.peers[one.Identity.Peer] })
		return c
	}
	stays, refused := now(), 0
	eventually(t, "the other waiting for its next attempt", func() bool {
		refused = 0
		for _, x := range twins {
			x.ask(func(c *agent.Core, at time.Time) {
				for _, v := range c.Peers(at) {
					if v.Peer == p.node.Identity.Peer && !v.Connected && strings.Contains(v.Reason, "tried again in") {
						refused++
					}
				}
			})
		}
		return refused == 1
	})
	if now() != stays {
		t.Error("the conversation changed hands after the twins were noticed")
	}
	if n := strings.Count(p.log.String(), said); n != 1 {
		t.Errorf("said %d times", n)
	}
}
