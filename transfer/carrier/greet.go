// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/transfer/shim"
	"github.com/pion/sctp"
)

// Before SCTP starts, the ends greet one another in datagrams of several sizes. A greeting tells what the other end needs in order to
// start SCTP without a handshake of its own, which would be given up after eight attempts; the sizes that arrive tell
// what the path takes.
//
//	version   uint8    1
//	largest   uint16   size in bytes of the largest datagram that is read
//	length    uint16   of the token
//	token              pion/sctp's out-of-band token: an INIT chunk (RFC 9260, section 3.3.2)
//	padding            zeros
const (
	greetingVersion = 1
	greetingHeader  = 5

	greetAgain    = 250 * time.Millisecond // doubling
	greetAgainMax = time.Second
	patience      = 100 * time.Millisecond // for larger sizes once a smaller one has passed; or two round trips
	sizeTrials    = 3                      // that a larger size has, since SCTP cannot change its mind later

	// The largest datagrams pay on fast paths; on slow ones they would hold up everything else. A path is fast when they
	// arrive no later than this after a small one that left just before them.
	fast       = time.Millisecond
	fastWait   = 10 * time.Millisecond
	fastTrials = 3 // a busy machine is late at times

	sctpRTOMax  = 3000    // ms
	sctpMinCwnd = 1 << 30 // bytes: it never binds, the shim's window does
	sctpBuffer  = 8 << 20
)

// greeting is what an end knows of the other before SCTP starts. Under the Conn's mu.
type greeting struct {
	content []byte
	token   []byte
	changed chan struct{}

	heardIt bool
	theirs  []byte // token
	largest int    // that the peer reads
	fault   error
	arrived map[int]time.Duration // size of a datagram → one-way delay of the last that passed
}

func sctpOptions() []sctp.ClientOption {
	return []sctp.ClientOption{
		sctp.WithEnableZeroChecksum(true), // RFC 9653: sealing protects better than CRC32c
		sctp.WithMaxReceiveBufferSize(sctpBuffer),
		sctp.WithMaxMessageSize(MaxMessage),
		sctp.WithRTOMax(sctpRTOMax),
		sctp.WithMinCwnd(sctpMinCwnd),
	}
}

func newGreeting(largest int) (greeting, error) {
	token, err := sctp.GenerateOutOfBandToken(sctpOptions()...)
	if err != nil {
		return greeting{}, fmt.Errorf("set up SCTP: %w", err)
	}
	b := append(make([]byte, 0, greetingHeader+len(token)), greetingVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(largest))
	b = binary.BigEndian.AppendUint16(b, uint16(len(token)))
	return greeting{
		content: append(b, token...), token: token, changed: make(chan struct{}, 1),
		arrived: make(map[int]time.Duration),
	}, nil
}

// heard takes the peer's greeting.
func (g *greeting) heard(b []byte) {
	if g.heardIt {
		return
	}
	defer pulse(g.changed)
	if len(b) < greetingHeader || b[0] != greetingVersion {
		g.fault = fmt.Errorf("%w: a greeting of another version; both ends need versions that fit", ErrBroken)
		return
	}
	n := int(binary.BigEndian.Uint16(b[3:]))
	if len(b) < greetingHeader+n {
		g.fault = fmt.Errorf("%w: a greeting cut short", ErrBroken)
		return
	}
	g.largest = int(binary.BigEndian.Uint16(b[1:]))
	g.theirs = append([]byte(nil), b[greetingHeader:greetingHeader+n]...)
	g.heardIt = true
}

// probed takes what became of our greetings.
func (g *greeting) probed(results []shim.ProbeResult) {
	for _, r := range results {
		g.arrived[r.Size] = r.OneWay
	}
	pulse(g.changed)
}

// sizes are the sizes of datagrams to try, in rising order.
func sizes(largest int) []int {
	s := []int{minDatagram}
	for _, n := range []int{1360, wanDatagram, largest} {
		if n > s[len(s)-1] && n <= largest {
			s = append(s, n)
		}
	}
	return s
}

// greet sends greetings of these sizes.
func (c *Conn) greet(sizes []int) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range sizes {
		b := make([]byte, max(c.shim.Room(n), len(c.greeting.content)))
		copy(b, c.greeting.content)
		c.post(now, shim.Frame{Kind: shim.Greeting, Payload: b})
	}
	pulse(c.wake)
}

// establish greets, finds out what the path takes, and starts SCTP.
func (c *Conn) establish(ctx context.Context) error {
	size, err := c.acquaint(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	theirs := c.greeting.theirs
	c.shim.Widen(size)
	c.mtu = c.shim.Room(size)
	c.payload = chunkPayload(c.mtu)
	c.shim.Disown()
	if c.fault == nil {
		c.fit()
	}
	c.mu.Unlock()
	assoc, err := sctp.ClientContext(ctx, append(sctpOptions(),
		sctp.WithNetConn(c.facade), sctp.WithMTU(uint32(c.mtu)),
		sctp.WithLoggerFactory(&c.t3), sctp.WithSNAP(c.greeting.token, theirs))...)
	if err != nil {
		return fmt.Errorf("%w: start SCTP: %w", ErrBroken, err)
	}
	return c.join(assoc)
}

// The streams, by number.
const (
	controlStream = 0
	bulkStream    = 1
)

// join takes the association over, unless the Conn has ended meanwhile.
func (c *Conn) join(assoc *sctp.Association) error {
	control, err := assoc.OpenStream(controlStream, sctp.PayloadTypeWebRTCBinary)
	if err == nil {
		c.control = control
		c.bulk, err = assoc.OpenStream(bulkStream, sctp.PayloadTypeWebRTCBinary)
	}
	if err == nil {
		c.bulk.SetReliabilityParams(true, sctp.ReliabilityTypeReliable, 0)
		err = c.begin(assoc)
	}
	if err != nil {
		_ = assoc.Close()
	}
	return err
}

// begin begins to gather messages. Close may be waiting for whoever does: so they are there before the Conn ends, or not at all.
func (c *Conn) begin(assoc *sctp.Association) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	c.assoc = assoc
	close(c.joined)
	c.reading.Add(2)
	c.spawn(func() { c.gather(c.control) })
	c.spawn(func() { c.gather(c.bulk) })
	return nil
}

// chunkPayload is what one packet of SCTP's carries of a message: RFC 8260, section 2.1, and RFC 9260, section 3.1.
func chunkPayload(mtu int) int { return (mtu - sctpHeaders) &^ 3 }

const sctpHeaders = 12 + 20 // common header, and that of an I-DATA chunk

// acquaint exchanges greetings and returns the size of the largest datagrams to use.
func (c *Conn) acquaint(ctx context.Context) (int, error) {
	size, err := c.introduce(ctx, sizes(min(c.endpoint.cfg.MaxDatagram, wanDatagram)))
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	largest := min(c.endpoint.cfg.MaxDatagram, c.greeting.largest)
	c.mu.Unlock()
	for range fastTrials {
		if size != wanDatagram || largest <= wanDatagram || !c.quick(wanDatagram) {
			break
		}
		if err := c.try(ctx, largest); err != nil {
			return 0, err
		}
		if c.quick(largest) {
			return largest, nil
		}
	}
	return size, nil
}

// introduce greets until both ends know one another, and returns the largest of the sizes that passes.
func (c *Conn) introduce(ctx context.Context, all []int) (int, error) {
	wait, size, trials := greetAgain, 0, 0
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if trials == sizeTrials {
				return size, nil
			}
			c.greet(all[slices.Index(all, size)+1:]) // all of them while none has passed
			again.Reset(wait)
			if size > 0 {
				trials++
			} else {
				wait = min(2*wait, greetAgainMax)
			}
		case <-c.greeting.changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-c.done:
			return 0, c.err
		}
		known := size > 0
		var err error
		if size, err = c.passed(all); err != nil {
			return 0, err
		}
		switch {
		case size == all[len(all)-1]:
			return size, nil
		case size > 0 && !known: // the larger ones may be on their way
			wait = max(patience, 2*c.roundTrip())
			again.Reset(wait)
		}
	}
}

func (c *Conn) roundTrip() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shim.RoundTrip()
}

// passed is the largest size that has passed so far; 0 before both greetings arrived.
func (c *Conn) passed(all []int) (size int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := &c.greeting
	if err := firstError(g.fault, c.fault); err != nil {
		return 0, err
	}
	if !g.heardIt {
		return 0, nil
	}
	for _, n := range all {
		if _, ok := g.arrived[n]; ok && n <= max(g.largest, minDatagram) {
			size = n
		}
	}
	return size, nil
}

// try sends one of the smallest and one of that size behind it, and waits for both a little longer than a round trip.
func (c *Conn) try(ctx context.Context, size int) error {
	c.mu.Lock()
	delete(c.greeting.arrived, size)
	delete(c.greeting.arrived, minDatagram)
	timeout := time.NewTimer(2*c.shim.RoundTrip() + fastWait)
	c.mu.Unlock()
	defer timeout.Stop()
	c.greet([]int{minDatagram, size})
	for {
		select {
		case <-timeout.C:
			return nil
		case <-c.greeting.changed:
			if c.quick(size) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return c.err
		}
	}
}

// quick reports whether a datagram of that size arrived, and hardly later than the smallest.
func (c *Conn) quick(size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	late, ok := c.greeting.arrived[size]
	first, both := c.greeting.arrived[minDatagram]
	return ok && both && late-first <= fast
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
