// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/pion/sctp"
)

const (
	maxGrain  = 64 << 10
	grainTime = 500 * time.Microsecond // of sending, that a message is worth: a small part of what the pacer lets leave at once after a delay
)

// Send hands over one message of 1 to MaxMessage bytes. It never blocks and copies msg. Unordered messages may
// arrive in any order; the others keep theirs. Callers ask Budget first: what is sent beyond it waits inside SCTP.
// Errors: ErrSize, or why the Conn has ended.
func (c *Conn) Send(msg []byte, unordered bool) error {
	if len(msg) == 0 || len(msg) > MaxMessage {
		return fmt.Errorf("%w: %d bytes", ErrSize, len(msg))
	}
	stream := c.control
	if unordered {
		stream = c.bulk
	}
	c.mu.Lock()
	c.handed += uint64(len(msg))
	c.mu.Unlock()
	if _, err := stream.WriteSCTP(msg, sctp.PayloadTypeWebRTCBinary); err != nil {
		if c.ending.Load() {
			<-c.done
			return c.err
		}
		return fmt.Errorf("%v: %w: %w", c.RemoteAddr(), ErrBroken, err)
	}
	return nil
}

// Budget is how many bytes may be handed over now: at least Grain, or 0: then wait for Ready. What is in flight, what waits to be sent
// again and what SCTP has not sent yet never exceed together what the controller allows.
func (c *Conn) Budget() int {
	n := c.budget(time.Now())
	if n > 0 {
		return n
	}
	// Say that we wait, then look again: what came between is not missed.
	c.starved.Store(true)
	return c.budget(time.Now())
}

func (c *Conn) budget(now time.Time) int {
	buffered := c.assoc.BufferedAmount()
	c.mu.Lock()
	defer c.mu.Unlock()
	// More than the peer's buffer takes would only wait in SCTP.
	if c.silent(now) || buffered > sctpBuffer || c.shim.Dark() || c.fault != nil {
		return 0
	}
	bytes, again := c.shim.Allow(now, c.pending(), c.full, c.grain()/c.payload*c.full)
	if bytes > 0 {
		return bytes / c.full * c.payload
	}
	if !again.IsZero() {
		c.paceAt = again
	}
	if d := c.shim.Deadline(); d.Before(c.armed) || !again.IsZero() && again.Before(c.armed) {
		pulse(c.wake)
	}
	return 0
}

// pending is how many bytes the datagrams will have that SCTP was given and has not sent yet. Under mu.
func (c *Conn) pending() int {
	n := int(c.handed - c.shim.Fresh())
	return n + (n+c.payload-1)/c.payload*(c.full-c.payload)
}

// feed pulses Ready if somebody waits and there is something to give. It must not be called under mu.
func (c *Conn) feed() {
	if c.starved.Load() && c.budget(time.Now()) > 0 && c.starved.CompareAndSwap(true, false) {
		pulse(c.ready)
	}
}

// Grain is the best size in bytes of a message now: what leaves in a moment, and no more than the window has room for. It fills SCTP's
// packets exactly, and is one at least and 64 KiB at most.
func (c *Conn) Grain() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(c.grain(), max(1, c.shim.Spare(c.pending(), c.full)/c.full)*c.payload)
}

func (c *Conn) grain() int {
	rate := c.shim.Rate()
	if rtt := c.shim.RoundTrip(); rate == 0 && rtt > 0 {
		rate = float64(c.shim.Window()) / rtt.Seconds()
	}
	n := int(min(maxGrain, rate*grainTime.Seconds()))
	return max(1, n/c.full) * c.payload
}

// Ready is pulsed (capacity 1) when Budget may have grown.
func (c *Conn) Ready() <-chan struct{} { return c.ready }

// Stats is a snapshot.
func (c *Conn) Stats() Stats {
	buffered := c.assoc.BufferedAmount()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shim.Stats()
	return Stats{
		RTT: s.RTT, MinRTT: s.MinRTT, QueueDelay: s.QueueDelay, Window: c.shim.Window(), Rate: c.shim.Rate(),
		InFlight: s.InFlight, Buffered: buffered, MTU: c.shim.Limit(), Datagrams: s.Datagrams,
		BytesSent: s.BytesSent, BytesReceived: s.BytesReceived, Lost: s.Lost, Spurious: s.Spurious,
		Retransmitted: s.Retransmitted, Timeouts: s.Timeouts, SCTPTimeouts: c.t3.t3.Load(),
		Blackout: c.shim.Dark(), LastHeard: s.Heard,
	}
}

// gather reads the messages of one stream until it ends. When the Conn ends, what SCTP has acknowledged is still given to
// Receive: the peer counts on it.
func (c *Conn) gather(stream *sctp.Stream) {
	defer c.reading.Done()
	late := false
	for {
		m, err := nextMessage(stream)
		if err != nil {
			c.end(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		if !late {
			select {
			case c.inbox <- m:
				continue
			case <-c.done:
				late = true
			}
		}
		c.mu.Lock()
		c.rest = append(c.rest, m)
		c.mu.Unlock()
	}
}

// nextMessage asks for the size of the next message with an empty buffer, which leaves it where it is, and then takes it.
func nextMessage(stream *sctp.Stream) ([]byte, error) {
	n, _, err := stream.ReadSCTP(nil)
	switch {
	case err != nil && !errors.Is(err, io.ErrShortBuffer):
		return nil, err
	case n > MaxMessage:
		return nil, fmt.Errorf("%w: %d bytes", ErrSize, n)
	}
	m := room(n)
	if _, _, err := stream.ReadSCTP(m); err != nil {
		return nil, err
	}
	return m, nil
}

// spares are buffers of large messages that were given back; small ones are not worth it.
var spares sync.Pool

func room(n int) []byte {
	if n < maxGrain/4 || n > maxGrain {
		return make([]byte, n)
	}
	if b, ok := spares.Get().(*[maxGrain]byte); ok {
		return b[:n]
	}
	return new([maxGrain]byte)[:n]
}

// Recycle gives the bytes of a received message back; the caller must not look at them any more.
func (c *Conn) Recycle(m []byte) {
	if cap(m) == maxGrain {
		spares.Put((*[maxGrain]byte)(m[:maxGrain]))
	}
}

// Receive waits for the next whole message. The caller owns the bytes. After the end of the Conn it returns what
// had arrived, then Err().
func (c *Conn) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m := <-c.inbox:
		return m, nil
	default:
	}
	select {
	case m := <-c.inbox:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
	}
	c.reading.Wait()
	select {
	case m := <-c.inbox:
		return m, nil
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rest) == 0 {
		return nil, c.err
	}
	m := c.rest[0]
	c.rest = c.rest[1:]
	return m, nil
}
