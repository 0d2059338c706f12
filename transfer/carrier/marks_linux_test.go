// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"crypto/x509"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/transfer/udp"
)

// marked counts the acknowledgements that tell of a mark.
type marked struct {
	ledbat.Controller
	acks, marks *atomic.Int64
}

func (m marked) Acked(now time.Time, a ledbat.Ack) {
	m.acks.Add(1)
	if a.CE {
		m.marks.Add(1)
	}
	m.Controller.Acked(now, a)
}

// What a router on the way there marks reaches the sender's controller: through the kernel, the peer's shim and its feedback. The
// router is played by a socket that sends with the mark on.
func TestMarksComeBackOverRealSockets(t *testing.T) {
	for _, c := range []struct {
		name   string
		class  uint8
		marked bool
	}{{"as we send", udp.LowEffort | udp.ECT0, false}, {"marked on the way", udp.LowEffort | 0x03, true}} {
		t.Run(c.name, func(t *testing.T) {
			var acks, marks atomic.Int64
			fleet := newAuthority(t, "fleet")
			b := onLoopback(t, fleet, "b", nil)
			a := onLoopback(t, fleet, "a", func(config *Config) {
				if err := config.Socket.Close(); err != nil {
					t.Fatal(err)
				}
				socket, err := udp.Listen(udp.Config{Address: netip.MustParseAddrPort("127.0.0.1:0"), TrafficClass: c.class})
				if err != nil {
					t.Fatal(err)
				}
				config.Socket = socket
				config.Controller = func(_ *x509.Certificate, mss int) ledbat.Controller {
					l := ledbat.Default()
					l.MSS = mss
					ctrl, err := ledbat.New("rfc6817", l)
					if err != nil {
						t.Error(err)
					}
					return marked{ctrl, &acks, &marks}
				}
			})
			dialed, accepted := join(t, a, b)
			f := pour(dialed, accepted)
			for f.received.Load() < 1<<20 {
				time.Sleep(time.Millisecond)
			}
			f.end()
			if acks.Load() == 0 || (marks.Load() > 0) != c.marked {
				t.Errorf("%d of %d acknowledgements tell of a mark", marks.Load(), acks.Load())
			}
		})
	}
}
