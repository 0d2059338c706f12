// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/x509"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/linktest"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
)

// crowd is one host and many others behind one bottleneck, who are all at one place.
type crowd struct {
	t          *testing.T
	net        *linktest.Network
	there      *linktest.Path
	self       *Endpoint
	groups     *Groups
	others     []*Endpoint
	dialed     []*Conn
	accepted   []*Conn
	controller string
}

// inCrowd runs a story of a host that sends to n others.
func inCrowd(t *testing.T, controller string, n int, l link.Config, story func(w *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &crowd{t: t, net: linktest.New(), controller: controller}
		defer w.net.Close()
		w.groups = NewGroups(func(mss int) ledbat.Controller { return fresh(controller, mss) })
		here := w.net.Listen(netip.MustParseAddrPort("192.0.2.1:1001"))
		w.there = w.net.Path(wire(l))
		back := w.net.Path(wire(link.Config{Rate: 100e6, Delay: l.Delay, BufferTime: 100 * ms}))
		fleet := newAuthority(t, "fleet")
		listen := func(e *linktest.Endpoint) *Endpoint {
			c := Config{Socket: udptest.Over(e, 0), Certificate: fleet.issue("host", 48*time.Hour), Roots: fleet.pool()}
			c.Controller = func(*x509.Certificate, int) ledbat.Controller { return w.groups.Join("elsewhere") }
			if e != here {
				c.Controller = nil
			}
			opened, err := Listen(c)
			if err != nil {
				t.Fatal(err)
			}
			return opened
		}
		w.self = listen(here)
		for i := range n {
			e := w.net.Listen(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + i)}), 1002))
			w.net.Route(here, e, w.there)
			w.net.Route(e, here, back)
			w.others = append(w.others, listen(e))
			w.dial(i)
		}
		story(w)
		for _, e := range append(w.others, w.self) {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// dial begins a conversation with one of the others.
func (w *crowd) dial(i int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	c, err := w.self.Dial(ctx, w.others[i].Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	accepted, err := w.others[i].Accept(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.dialed, w.accepted = append(w.dialed, c), append(w.accepted, accepted)
}

// pour lets all send.
func (w *crowd) pour() []*flow {
	flows := make([]*flow, len(w.dialed))
	for i := range flows {
		flows[i] = pour(w.dialed[i], w.accepted[i])
	}
	return flows
}

// rates is what arrives of each in that time, in bit/s, and of all.
func rates(flows []*flow, d time.Duration) (each []float64, all float64) {
	before := make([]int64, len(flows))
	for i, f := range flows {
		before[i] = f.received.Load()
	}
	time.Sleep(d)
	for i, f := range flows {
		each = append(each, float64(f.received.Load()-before[i])*8/d.Seconds())
		all += each[i]
	}
	return each, all
}

// jain is Jain's index of fairness.
func jain(x []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	return sum * sum / squares / float64(len(x))
}

// What a controller uses of the bottleneck at least, headers left aside. Ebb now and then takes a hiccup for somebody else, and is away for a
// second.
var least = map[string]float64{"rfc6817": 0.9, "ledbatpp": 0.75, "ebb": 0.4}

var bottleneck = link.Config{Rate: 20e6, Delay: 15 * ms, BufferTime: 200 * ms}

// However many conversations there are, they use the link and make no longer a queue than one does; each has its part. Ebb is not held to it
// with 32, of which each has one datagram in flight: between 16 and 90 % of the link were seen.
func TestAGroupIsOneFlow(t *testing.T) {
	long(t)
	for _, controller := range ledbat.Names() {
		longest := 75 * ms // the queue: that of one flow, and a little
		if controller == "ebb" {
			longest = 15 * ms
		}
		for _, n := range []int{1, 8, 32} {
			if controller == "ebb" && n == 32 {
				continue
			}
			t.Run(fmt.Sprintf("%s, %d", controller, n), func(t *testing.T) {
				inCrowd(t, controller, n, bottleneck, func(w *crowd) {
					flows := w.pour()
					time.Sleep(20 * time.Second)
					var each []float64
					var all float64
					done := make(chan struct{})
					go func() {
						defer close(done)
						each, all = rates(flows, 20*time.Second)
					}()
					q := quantile(watch(w.there, 20*time.Second), 0.95)
					<-done
					t.Logf("%s of the link, Jain %.4f, queue p95 %v", share(all, bottleneck.Rate), jain(each), q)
					if all < least[controller]*bottleneck.Rate || jain(each) < 0.95 || q > longest {
						t.Errorf("%s of the link, Jain %.4f, queue p95 %v: %v", share(all, bottleneck.Rate), jain(each), q, w.dialed[0].member)
					}
				})
			})
		}
	}
}

// One that ends and one whose host goes away leave their parts to the others, and nobody waits for them.
func TestAGroupOutlivesItsMembers(t *testing.T) {
	long(t)
	const window = 15 * time.Second // that a slowdown, or a hiccup that is taken for somebody else, is a small part of
	for _, controller := range ledbat.Names() {
		t.Run(controller, func(t *testing.T) {
			inCrowd(t, controller, 8, bottleneck, func(w *crowd) {
				flows := w.pour()
				time.Sleep(10 * time.Second)
				_, before := rates(flows, window)
				if err := w.dialed[0].Close(); err != nil {
					t.Error(err)
				}
				_, closed := rates(flows[1:], window)
				w.others[1].socket.Close() // without a goodbye
				_, died := rates(flows[2:], window)
				t.Logf("%s of the link, after one has ended %s, after another has died %s", share(before, bottleneck.Rate),
					share(closed, bottleneck.Rate), share(died, bottleneck.Rate))
				if closed < least[controller]*bottleneck.Rate || died < least[controller]*bottleneck.Rate {
					t.Errorf("%s of the link, after one has ended %s, after another has died %s", share(before, bottleneck.Rate),
						share(closed, bottleneck.Rate), share(died, bottleneck.Rate))
				}
			})
		})
	}
}

// Whoever asks for permission and does not use it does not keep it from the others.
func TestAGroupLendsWhatIsNotUsed(t *testing.T) {
	long(t)
	for _, controller := range ledbat.Names() {
		t.Run(controller, func(t *testing.T) {
			inCrowd(t, controller, 8, bottleneck, func(w *crowd) {
				flows := w.pour()
				for _, f := range flows[2:] {
					f.end()
				}
				flows = flows[:2]
				done := make(chan struct{})
				for i, c := range w.dialed[2:] {
					go func() {
						for {
							select {
							case <-done:
								return
							case <-time.After(10*ms + time.Duration(i)*ms):
								c.Budget()
							}
						}
					}()
				}
				time.Sleep(10 * time.Second)
				_, all := rates(flows, 5*time.Second)
				close(done)
				t.Logf("%s of the link", share(all, bottleneck.Rate))
				if all < least[controller]*bottleneck.Rate {
					t.Errorf("%s of the link: %v", share(all, bottleneck.Rate), w.dialed[0].member)
				}
			})
		})
	}
}

// What was learned outlives the last conversation, for a while and for so many places.
func TestGroupsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroups(func(mss int) ledbat.Controller { return fresh("ebb", mss) })
		first := g.Join("there")
		if again := g.Join("there"); again.flock != first.flock {
			t.Error("two to one place have a group each")
		} else {
			again.leave()
		}
		first.leave()
		time.Sleep(keepGroup - time.Second)
		second := g.Join("there")
		if second.flock != first.flock {
			t.Error("the group was forgotten")
		}
		second.leave()
		time.Sleep(keepGroup)
		third := g.Join("there")
		if third.flock == first.flock {
			t.Error("the group was kept for too long")
		}
		for i := range 2 * keptGroups {
			g.Join(fmt.Sprint("elsewhere ", i)).leave()
			time.Sleep(time.Second)
		}
		if n := len(g.places); n > keptGroups+2 || g.places["there"] != third.flock {
			t.Errorf("%d groups are kept", n)
		}
		third.leave()
	})
}

// told is a controller that takes note of what it may use.
type told struct {
	ledbat.Controller
	limit float64
}

func (c *told) Limit(_ time.Time, bytesPerSecond float64) { c.limit = bytesPerSecond }
func (c *told) Unlimited() float64                        { return c.Rate() }

// Every group hears what the host may send, those that begin later, too.
func TestEveryGroupHearsOfTheLimit(t *testing.T) {
	var all []*told
	g := NewGroups(func(mss int) ledbat.Controller {
		all = append(all, &told{Controller: fresh("ebb", mss)})
		return all[len(all)-1]
	})
	defer g.Join("near").leave()
	if !math.IsInf(all[0].limit, 1) {
		t.Errorf("without a limit it is %v", all[0].limit)
	}
	g.Limit(5e5)
	defer g.Join("far").leave()
	for _, c := range all {
		if c.limit != 5e5 {
			t.Errorf("it was told %v, want 5e5", c.limit)
		}
	}
	g.Limit(math.Inf(1))
	for _, c := range all {
		if !math.IsInf(c.limit, 1) {
			t.Errorf("the limit is lifted, and it was told %v", c.limit)
		}
	}
}

// A limit binds all conversations with a place together, and ends when it is lifted.
func TestALimitBindsAGroup(t *testing.T) {
	long(t)
	for _, controller := range ledbat.Names() {
		t.Run(controller, func(t *testing.T) {
			inCrowd(t, controller, 4, bottleneck, func(w *crowd) {
				w.groups.Limit(250e3)
				flows := w.pour()
				time.Sleep(5 * time.Second)
				_, bound := rates(flows, 10*time.Second)
				w.groups.Limit(math.Inf(1))
				time.Sleep(15 * time.Second)
				_, free := rates(flows, 10*time.Second)
				t.Logf("%.2f Mbit/s of 2, then %s of the link", bound/1e6, share(free, bottleneck.Rate))
				if bound < 1.4e6 || bound > 2.05e6 || free < least[controller]*bottleneck.Rate {
					t.Errorf("%.2f Mbit/s of 2, then %s of the link: %v", bound/1e6, share(free, bottleneck.Rate), w.dialed[0].member)
				}
			})
		})
	}
}
