// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/transfer/carrier"
)

const (
	maxQueued = 4 * slab           // bytes of frames that wait for the writer
	unsent    = 2 * slab           // bytes that the kernel takes and does not send at once
	grain     = slab - frameHeader // fills four records of TLS with its header
)

// Send hands over one message of 1 to carrier.MaxMessage bytes. It never blocks and copies msg; all messages keep their order. Callers ask
// Budget first: what is sent beyond it waits in memory. Errors: carrier.ErrSize, or why the Conn has ended.
func (c *Conn) Send(msg []byte, _ bool) error {
	if len(msg) == 0 || len(msg) > carrier.MaxMessage {
		return fmt.Errorf("%w: %d bytes", carrier.ErrSize, len(msg))
	}
	f := append(appendHeader(room(frameHeader + len(msg))[:0], kindMessage, len(msg)), msg...)
	c.mu.Lock()
	if c.leaving {
		c.mu.Unlock()
		reuse(f)
		if err := c.Err(); err != nil {
			return err
		}
		return fmt.Errorf("%v: %w", c.remote, carrier.ErrClosed)
	}
	c.queue = append(c.queue, f)
	c.queued += len(f)
	c.handed += uint64(len(msg))
	c.mu.Unlock()
	pulse(c.wake)
	return nil
}

// Budget is how many bytes may be handed over now: at least Grain, or 0: then wait for Ready. It keeps what waits for the kernel small, so
// that what is urgent does not wait long.
func (c *Conn) Budget() int {
	if n := c.budget(); n > 0 {
		return n
	}
	// Say that we wait, then look again: what came between is not missed.
	c.starved.Store(true)
	return c.budget()
}

func (c *Conn) budget() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := maxQueued - c.queued; left >= slab && !c.leaving {
		return left
	}
	return 0
}

// Grain is the best size in bytes of a message.
func (c *Conn) Grain() int { return grain }

// Ready is pulsed (capacity 1) when Budget may have grown.
func (c *Conn) Ready() <-chan struct{} { return c.ready }

// Handed is how many bytes of messages were handed over with Send so far.
func (c *Conn) Handed() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handed
}

// Stats is a snapshot. What only datagrams have is 0; Window and Rate are 0 while nothing bounds them but TCP.
func (c *Conn) Stats() carrier.Stats {
	k, told := c.socket.path()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := carrier.Stats{RTT: c.rtt, MinRTT: c.rtt, Buffered: int(c.handed - c.arrived), BytesSent: c.stats.out, BytesReceived: c.stats.in,
		LastHeard: time.Unix(0, c.heard.Load())}
	if told {
		s.RTT, s.MinRTT, s.InFlight, s.MTU = k.rtt, k.minRTT, k.inFlight, k.mss
		if k.mss > 0 {
			s.Retransmitted = k.resent / uint64(k.mss)
			s.Lost = s.Retransmitted
		}
	}
	s.QueueDelay = c.pace.queue
	if c.pace.engaged {
		s.Rate, s.Window = c.pace.rate, c.pace.controller.Window()
	}
	return s
}

// turn is what the writer has to do next.
type turn struct {
	frames [][]byte
	words  []byte // behind them
	bye    bool
}

// write sends frames until the end.
func (c *Conn) write() {
	var t turn
	for {
		if !c.next(&t) {
			select {
			case <-c.wake:
				continue
			case <-c.done:
				return
			}
		}
		if err := c.put(&t); err != nil {
			c.end(lost(err))
			return
		}
		if t.bye {
			return
		}
	}
}

// next fills t; false if there is nothing to do.
func (c *Conn) next(t *turn) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(t.frames)
	t.frames, c.queue = c.queue, t.frames[:0]
	t.words, t.bye = t.words[:0], c.leaving
	if c.answer {
		t.words = appendWord(t.words, kindEcho, c.echo)
		c.answer = false
	}
	for _, f := range t.frames {
		c.written += uint64(len(f) - frameHeader)
	}
	if c.asked.IsZero() && (!c.wanted.IsZero() || len(t.frames) > 0 && now.Sub(c.probed) >= probeEvery) {
		t.words = appendWord(t.words, kindProbe, c.written)
		c.asked, c.probed, c.wanted = now, now, time.Time{}
	}
	if t.bye {
		t.words = appendHeader(t.words, kindBye, 0)
	}
	return len(t.frames) > 0 || len(t.words) > 0
}

// put writes what next has found, and lets more be handed over as it goes.
func (c *Conn) put(t *turn) error {
	for _, f := range t.frames {
		if _, err := c.tls.Write(f); err != nil {
			return err
		}
		n := len(f)
		reuse(f)
		c.mu.Lock()
		c.queued -= n
		c.stats.out += uint64(n)
		free := c.queued <= maxQueued/2
		c.mu.Unlock()
		if free && c.starved.CompareAndSwap(true, false) {
			pulse(c.ready)
		}
	}
	if len(t.words) > 0 {
		if _, err := c.tls.Write(t.words); err != nil {
			return err
		}
	}
	if err := c.wire.flush(); err != nil {
		return err
	}
	c.measure()
	return nil
}

// measure asks the kernel about the path when it is time to, and tells it what follows.
func (c *Conn) measure() {
	now := time.Now()
	c.mu.Lock()
	due := c.pace.due(now)
	c.mu.Unlock()
	if !due {
		return
	}
	k, ok := c.socket.path()
	if !ok {
		return
	}
	c.mu.Lock()
	changed, rate := c.pace.sampled(now, k), c.pace.rate
	c.mu.Unlock()
	if changed {
		c.socket.pace(rate)
	}
}
