// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/ebbproject/ebb/transfer/shim"
	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/pion/sctp"
)

// Conn is one conversation with one authenticated peer. Its methods may be called from any goroutine.
//
// The endpoint's reader opens and delivers datagrams; run sends them and keeps time; SCTP has goroutines of its own; one
// goroutine a stream reads messages. mu guards the shim, the sealer and the outbox, and is never held while
// anything blocks or while SCTP is called.
type Conn struct {
	endpoint *Endpoint
	peer     *x509.Certificate
	own      uint32
	theirs   uint32
	opener   *seal.Opener // the reader's alone

	mu       sync.Mutex
	shim     *shim.Shim
	sealer   *seal.Sealer
	out      outbox
	armed    time.Time // when run will wake by itself
	paceAt   time.Time // when a refused message may be sent; zero: none
	handed   uint64    // bytes of messages given to SCTP
	hush     time.Time // no data is handed over before; zero: no silence is under way
	greeting greeting
	fault    error // why the conversation must end

	starved atomic.Bool // Budget said no since Ready was last pulsed
	granted atomic.Bool // the group has let this Conn send something
	member  *Member     // of that group; nil: it has a controller of its own. Under mu
	facade  *facade
	wake    chan struct{}
	ready   chan struct{}
	inbox   chan []byte
	rest    [][]byte       // messages that the end of the Conn found between SCTP and the inbox
	reading sync.WaitGroup // the goroutines that gather messages
	t3      counter
	mtu     int           // of SCTP's packets
	payload int           // of one of its chunks
	full    int           // bytes of the datagrams that carry such a packet
	limit   int           // size of datagrams that the controller was made for
	joined  chan struct{} // closed when assoc and the streams are there
	assoc   *sctp.Association
	control *sctp.Stream
	bulk    *sctp.Stream

	ending atomic.Bool
	done   chan struct{}
	err    error          // set before done is closed
	wg     sync.WaitGroup // goroutines of this Conn but run's
}

// spawn runs f in a goroutine that both Close of the Conn and Close of the Endpoint wait for.
func (c *Conn) spawn(f func()) {
	c.wg.Add(1)
	c.endpoint.wg.Go(func() {
		defer c.wg.Done()
		f()
	})
}

const inboxDepth = 64 // messages that wait for Receive; what follows waits in SCTP's receive buffer

func newConn(e *Endpoint, s *secrets, remote netip.AddrPort) (*Conn, error) {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	c := &Conn{
		endpoint: e, peer: s.peer, own: s.own, theirs: s.theirs, opener: s.opener, sealer: s.sealer,
		wake: make(chan struct{}, 1), ready: make(chan struct{}, 1),
		inbox: make(chan []byte, inboxDepth), joined: make(chan struct{}), done: make(chan struct{}),
	}
	c.shim = shim.New(time.Now(), shim.Config{
		Controller: greeter(), Remote: remote, Overhead: seal.Overhead,
		DeadAfter: e.cfg.DeadAfter, Seed: binary.BigEndian.Uint64(seed[:]),
	})
	c.facade = newFacade(c)
	var err error
	c.greeting, err = newGreeting(e.cfg.MaxDatagram)
	return c, err
}

// run sends what is to be sent and keeps time, until the Conn has ended.
func (c *Conn) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		out, next, open, pace, err := c.turn(time.Now())
		c.transmitted(out, transmit(c.endpoint.socket, out))
		if err != nil {
			c.end(err)
		}
		if pace {
			pulse(c.ready)
		}
		if open {
			c.feed() // a window may open because its time has come
		}
		if len(out) > 0 {
			continue
		}
		timer.Reset(time.Until(next))
		select {
		case <-c.wake:
		case <-timer.C:
		case <-c.done:
			return
		}
	}
}

// turn does what time asks for, and takes what is to be sent.
func (c *Conn) turn(now time.Time) (out []*batch, next time.Time, open, pace bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open = c.granted.Swap(false)
	if d := c.shim.Deadline(); !now.Before(d) {
		c.shim.Advance(now)
		open = true
	}
	if c.limit > 0 && c.fault == nil {
		c.fit()
	}
	c.pump(now)
	if !c.paceAt.IsZero() && !now.Before(c.paceAt) {
		c.paceAt, pace = time.Time{}, true
	}
	next = c.shim.Deadline()
	if !c.paceAt.IsZero() && c.paceAt.Before(next) {
		next = c.paceAt
	}
	err = c.fault
	if err == nil && c.shim.Dead(now) {
		err = ErrDead
	}
	c.armed = next
	return c.out.take(), next, open, pace, err
}

// transmitted tells the shim what became of batches, and frees them.
func (c *Conn) transmitted(out []*batch, tooBig bool) {
	if len(out) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if tooBig {
		c.shim.TooBig(time.Now())
	}
	for i, b := range out {
		c.shim.Left(b.first, b.last, b.left)
		batches.Put(b)
		out[i] = nil
	}
	c.out.spare = out[:0]
}

// pump stamps and seals what the shim wants sent. Under mu.
func (c *Conn) pump(now time.Time) {
	for c.fault == nil {
		f, ok := c.shim.Take(now)
		if !ok {
			return
		}
		c.post(now, f)
	}
}

// post stamps and seals one frame into the outbox, in parts if the path has become narrow. Under mu.
func (c *Conn) post(now time.Time, f shim.Frame) {
	if f.Kind != shim.Packet {
		c.postOne(now, f)
		return
	}
	n := c.shim.Split(f.Payload)
	for i := range n {
		c.postOne(now, c.shim.Part(f, i, n))
	}
}

func (c *Conn) postOne(now time.Time, f shim.Frame) {
	b := c.out.room(c.shim.Remote(), seal.Overhead+shim.HeaderSize+len(f.Payload)+max(0, f.Room))
	start := len(b.data)
	frame, seq := c.shim.Stamp(now, b.data[:start+seal.HeaderSize], f)
	d, err := c.sealer.Seal(frame[start:], seal.Header{Connection: c.theirs, Sequence: seq})
	if err != nil {
		c.fault = fmt.Errorf("%w: %w", ErrBroken, err)
		return
	}
	b.data = frame[:start+len(d)]
	c.out.added(b, len(d), seq)
}

// deliver takes a datagram in. Only the endpoint's reader calls it.
func (c *Conn) deliver(now time.Time, m *udp.Message) {
	size := len(m.Data)
	h, frame, err := c.opener.Open(m.Data)
	if err != nil {
		return // forged, copied, or from another time: as if it had not come
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kind, payload, err := c.shim.Deliver(now, shim.Arrival{Sequence: h.Sequence, Frame: frame, Size: size, From: m.From, CE: m.CE, At: m.At})
	if err != nil {
		c.fault = fmt.Errorf("%w: %w", ErrBroken, err)
		pulse(c.wake)
		return
	}
	switch kind {
	case shim.Packet:
		c.facade.arrived(payload)
	case shim.Fragment:
		if whole := c.shim.Join(payload); whole != nil {
			c.facade.arrived(whole)
		}
	case shim.Greeting:
		c.greeting.heard(payload)
	case shim.Bye:
		c.fault = ErrPeerClosed
	}
}

// delivered ends a series of deliver: what follows from them is sent, and who waits is woken.
func (c *Conn) delivered(now time.Time) {
	c.mu.Lock()
	c.pump(now)
	wake := len(c.out.ready) > 0 || c.fault != nil || c.shim.Deadline().Before(c.armed)
	if results := c.shim.Probed(); len(results) > 0 {
		c.greeting.probed(results)
	}
	c.mu.Unlock()
	c.facade.flush()
	if wake {
		pulse(c.wake)
	}
	c.feed()
}

// write takes a packet of SCTP's.
func (c *Conn) write(packet []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.fault != nil {
		return c.fault
	}
	if c.shim.Offer(now, packet) {
		c.post(now, shim.Frame{Kind: shim.Packet, Payload: packet, Room: c.shim.Room(c.shim.Limit()) - len(packet)})
		pulse(c.wake)
		return nil
	}
	c.pump(now)
	if len(c.out.ready) > 0 || c.shim.Deadline().Before(c.armed) {
		pulse(c.wake)
	}
	return nil
}

func pulse(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// PeerCertificate is the certificate that the peer proved to own.
func (c *Conn) PeerCertificate() *x509.Certificate { return c.peer }

// RemoteAddr is the address the peer is seen at now; it changes when the peer moves.
func (c *Conn) RemoteAddr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shim.Remote()
}

// Done is closed when the Conn has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is nil while the Conn lives; ErrClosed after Close; ErrPeerClosed after the peer's; ErrDead after DeadAfter.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

const (
	lingerFor   = time.Second // Close waits that long for acknowledgements
	lingerEvery = 5 * time.Millisecond
	farewells   = 3 // copies of the goodbye, which nobody acknowledges
)

// Close gives what was sent up to a second to be acknowledged, tells the peer, and frees everything.
func (c *Conn) Close() error {
	c.linger()
	c.end(ErrClosed)
	<-c.done
	c.wg.Wait()
	return nil
}

// linger waits until the peer has everything, or for a second, or until there is no hope.
func (c *Conn) linger() {
	select {
	case <-c.joined:
	default:
		return
	}
	for wait := time.Duration(0); wait < lingerFor && c.assoc.BufferedAmount() > 0; wait += lingerEvery {
		select {
		case <-time.After(lingerEvery):
		case <-c.done:
			return
		}
	}
}

// end ends the Conn for that reason; only the first one counts. It does not wait.
func (c *Conn) end(reason error) {
	if !c.ending.CompareAndSwap(false, true) {
		return
	}
	c.mu.Lock()
	c.err = fmt.Errorf("%v: %w", c.shim.Remote(), reason)
	if c.fault == nil && c.shim.Heard() {
		for range farewells {
			c.post(time.Now(), shim.Frame{Kind: shim.Bye})
		}
	}
	if c.fault == nil {
		c.fault = reason
	}
	c.leave()
	out, assoc := c.out.take(), c.assoc
	c.mu.Unlock()
	transmit(c.endpoint.socket, out)
	c.endpoint.forget(c)
	c.spawn(func() {
		c.facade.Close()
		if assoc != nil {
			_ = assoc.Close()
		}
	})
	close(c.done)
}
