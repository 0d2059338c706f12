// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// say sends one small message, as requests and answers are, when the Conn may.
func (w *crowd) say(c *Conn) {
	w.t.Helper()
	for patience := time.After(5 * time.Second); c.Budget() == 0; {
		select {
		case <-c.Ready():
		case <-patience:
			w.t.Errorf("a few bytes are not let go for 5 s: %v", c.member)
			return
		}
	}
	if err := c.Send(make([]byte, 60), false); err != nil {
		w.t.Error(err)
	}
}

// bulk is a megabyte now and then.
type bulk struct {
	to       *Conn
	received atomic.Int64 // bytes
	deaf     atomic.Bool  // nobody reads
}

// hear reads what arrives, unless deaf.
func (b *bulk) hear(ctx context.Context) {
	for {
		for b.deaf.Load() {
			select {
			case <-time.After(10 * ms):
			case <-ctx.Done():
				return
			}
		}
		m, err := b.to.Receive(ctx)
		if err != nil {
			return
		}
		b.received.Add(int64(len(m)))
	}
}

// send sends that many bytes as the budget allows, and returns when they are handed over.
func send(c *Conn, bytes int) {
	message := make([]byte, MaxMessage)
	for {
		for bytes > 0 && c.Budget() > 0 {
			n := min(c.Grain(), bytes)
			if c.Send(message[:n], true) != nil {
				return
			}
			bytes -= n
		}
		if bytes == 0 {
			return
		}
		select {
		case <-c.Ready():
		case <-c.Done():
			return
		}
	}
}

func (b *bulk) awaits(t *testing.T, bytes int64, patience time.Duration) {
	t.Helper()
	start := time.Now()
	for b.received.Load() < bytes {
		if time.Since(start) > patience {
			t.Errorf("%d of %d bytes arrived in %v: %+v", b.received.Load(), bytes, patience, b.to.Stats())
			return
		}
		time.Sleep(10 * ms)
	}
}

// Conversations that had only small things to say, and so have taught the group nothing of full datagrams, are not held up when they have more.
func TestAGroupThatHasSaidLittleStillSends(t *testing.T) {
	for _, controller := range ledbat.Names() {
		t.Run(controller, func(t *testing.T) {
			inCrowd(t, controller, 3, bottleneck, func(w *crowd) {
				var all []*bulk
				for i := range w.dialed {
					b := &bulk{to: w.accepted[i]}
					all = append(all, b)
					go b.hear(w.t.Context())
				}
				for range 20 {
					for _, c := range w.dialed {
						w.say(c)
					}
					time.Sleep(200 * ms)
				}
				const size = 256 << 10
				go send(w.dialed[1], size)
				all[1].awaits(w.t, size, 5*time.Second)
			})
		})
	}
}

// A fleet's day: three conversations, of which one idles, one is now and then with somebody who does not read, one is closed and opened
// again, and megabytes come and go on all. Nothing stands still.
func TestAGroupNeverStandsStill(t *testing.T) {
	long(t)
	for _, controller := range ledbat.Names() {
		t.Run(controller, func(t *testing.T) {
			inCrowd(t, controller, 4, bottleneck, day)
		})
	}
}

func day(w *crowd) {
	const size = 1 << 20
	// What the link needs for all that is sent in a round, four times: ebb takes its time when it has been alarmed.
	patience := 4 * 3 * time.Duration(size*8/bottleneck.Rate*float64(time.Second))
	all := make([]*bulk, len(w.dialed))
	listen := func(i int) {
		all[i] = &bulk{to: w.accepted[i]}
		go all[i].hear(w.t.Context())
	}
	for i := range all {
		listen(i)
	}
	for round := range 6 {
		w.dialed[0].Budget() // it asks, and has nothing to send
		deaf := all[1]
		deaf.deaf.Store(true)
		before := deaf.received.Load()
		go send(w.dialed[1], 12*size) // more than SCTP takes for one who does not read
		time.Sleep(time.Second)
		base := []int64{all[2].received.Load(), all[3].received.Load()}
		go send(w.dialed[2], size)
		go send(w.dialed[3], size)
		all[2].awaits(w.t, base[0]+size, patience+10*time.Second)
		all[3].awaits(w.t, base[1]+size, patience+10*time.Second)
		deaf.deaf.Store(false)
		deaf.awaits(w.t, before+12*size, 4*patience)
		if err := w.dialed[3].Close(); err != nil {
			w.t.Error(err)
		}
		w.redial(3)
		listen(3)
		time.Sleep(time.Duration(round) * time.Second)
	}
}

// redial begins another conversation with one of the others, in the place of the one that has ended.
func (w *crowd) redial(i int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	var err error
	if w.dialed[i], err = w.self.Dial(ctx, w.others[i].Addr()); err != nil {
		w.t.Fatal(err)
	}
	if w.accepted[i], err = w.others[i].Accept(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// A busy host is late to use what it was granted; that is no reason to take it for one that wants nothing.
func TestAGroupBearsWithALateHost(t *testing.T) {
	long(t)
	for _, controller := range ledbat.Names() {
		for _, late := range []time.Duration{3 * ms, 30 * ms} {
			least := least[controller] // of the link
			if late > 10*ms {
				least = 0.03 // one datagram each time
			}
			t.Run(fmt.Sprintf("%s, %v", controller, late), func(t *testing.T) {
				inCrowd(t, controller, 2, bottleneck, func(w *crowd) {
					var flows []*flow
					for i, c := range w.dialed {
						flows = append(flows, pourLate(c, w.accepted[i], late))
					}
					time.Sleep(10 * time.Second)
					_, all := rates(flows, 22*time.Second) // two turns of ebb, who leaves for 3 s after 8 where it takes a late burst for somebody's
					for _, f := range flows {
						f.end()
					}
					t.Logf("%s of the link", share(all, bottleneck.Rate))
					if all < least*bottleneck.Rate {
						t.Errorf("%s of the link: %v", share(all, bottleneck.Rate), w.dialed[0].member)
					}
				})
			})
		}
	}
}
