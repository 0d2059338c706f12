// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Controller decides how many bytes one flow may have in the network and how fast they may leave.
//
// The calling protocol, for every implementation:
//
//   - Sent for each datagram that left, Acked once for each feedback, Lost for each datagram given up, all with a
//     `now` that never goes back. In one feedback, Lost is reported before Acked.
//   - Whoever owns the flow keeps the time since the last acknowledgement while bytes are in flight. When it reaches CTO
//     it calls TimedOut, and takes everything in flight for lost without calling Lost for it.
//   - Advance is called when Deadline has come; a zero Deadline means never.
//   - A datagram may leave while bytes in flight + its size <= Window, and a Pacer set to Rate allows it. One
//     datagram may always leave when nothing is in flight, unless Window is 0: then it is another's turn, see package group.
//
// A Controller is a plain value of one owner: no locks, no clock.
type Controller interface {
	// Sent reports that bytes left for the network.
	Sent(now time.Time, bytes int)
	// Acked reports one feedback.
	Acked(now time.Time, a Ack)
	// Lost reports that a datagram of that many bytes, sent at sentAt, is given up for lost, reordering allowed for. The
	// controller reacts at most once in a round trip, however often it is called.
	Lost(now time.Time, bytes int, sentAt time.Time)
	// TimedOut reports that nothing was acknowledged for CTO although bytes were in flight.
	TimedOut(now time.Time)
	// Advance lets time pass.
	Advance(now time.Time)
	// Deadline is when Advance wants to be called; zero: never.
	Deadline() time.Time

	// Window is how many bytes may be in flight.
	Window() int
	// Rate is the pace at which they may leave, in bytes a second; 0: not paced.
	Rate() float64
	// CTO is the congestion timeout: how long to wait for an acknowledgement before TimedOut. It doubles with each
	// TimedOut up to a limit, and is measured anew with the next acknowledgement.
	CTO() time.Duration
	// QueueDelay is the estimate of the time datagrams now wait in queues of the forward path; 0 while unknown. A
	// controller that measures round trips cannot tell the ways apart, and counts both.
	QueueDelay() time.Duration
	// BaseDelay is the delay without queues, as measured: one way, where it contains the clocks' offset and may be
	// negative, or of the round trip if that is what the controller measures.
	BaseDelay() time.Duration
	// String is the state in one line.
	String() string
}

// Ack is what one feedback says.
type Ack struct {
	Bytes       int           // newly acknowledged
	OneWayDelay time.Duration // the smallest (arrival stamp - time when it left) among them, see Smaller; the clocks' offset does not matter
	RTT         time.Duration // round trip of the newest of them, without the time the receiver held its report back; 0: none
	CE          bool          // one of them arrived with the mark Congestion Experienced (RFC 3168)
	InFlight    int           // bytes still in flight after this feedback
	// Reverse is the one-way delay of the feedback itself, from the stamp that the receiver's clock gave it to its arrival here:
	// the clocks' offset is in it with the opposite sign. It means something if Backward is set.
	Reverse  time.Duration
	Backward bool
	// Scaled says that the delays have been brought to one scale already, as those of a group's members are: no clock is in them that could
	// step, and what differs between this feedback and the one before may be the hosts that they came from.
	Scaled bool
	// Arrivals are the datagrams that the feedback tells of for the first time, in the order in which they arrived; there may be none, and
	// fewer than Bytes has. Valid during the call only.
	Arrivals []Arrival
}

// evidence is the round trip against which the delay is held to find out whether a clock has stepped; 0: none can.
func (a Ack) evidence() time.Duration {
	if a.Scaled {
		return 0
	}
	return a.RTT
}

// Arrival is what is known of one datagram that arrived. It did so at Left + Delay by the receiver's clock.
type Arrival struct {
	Sent  time.Time     // as in the call of Sent
	Late  time.Duration // how much later it left the host, as far as known: a busy host lets it wait
	Delay time.Duration // arrival stamp - time when it left; like OneWayDelay
	Bytes int
}

// Left is when it left the host, by the sender's clock.
func (a Arrival) Left() time.Time { return a.Sent.Add(a.Late) }

// Config is what a controller needs to know about its flow. Start from Default.
type Config struct {
	// MSS is the size in bytes of a full datagram, as counted in Sent, Lost and Ack: 1 to 65,535.
	MSS int
	// Target is the queue delay to aim for: above 0, at most 100 ms (RFC 6817, section 2.4.2).
	Target time.Duration
	// MaxWindow limits the window, in bytes; at least 2 MSS, at most 1 GiB.
	MaxWindow int
	// AllowedShare, 0 to 1, raises ALLOWED_INCREASE of RFC 6817 above 1 MSS, to this share of what was in flight in the last round
	// trip. Where the window limits what is handed to a reliable transport, part of it is always used up by what that has still to
	// repeat, and is neither in flight nor room for more: without a share the window would shrink to what is left, again and again.
	AllowedShare float64
	// SlowStart doubles the window each round trip at the start, after a timeout and after idling, until the queue
	// delay reaches 3/4 Target or a loss counts. Without it the window grows by one MSS a round trip from the beginning.
	// For rfc6817; ledbatpp has a slow start of its own.
	SlowStart bool
	// DelayConfirmedLoss makes losses count only when the queue says that they come from congestion. Without
	// it every loss counts, as RFC 6817 has it. CE always counts.
	DelayConfirmedLoss bool
}

// Default is the configuration of a flow over an ordinary WAN path.
func Default() Config {
	return Config{
		MSS:                1400,
		Target:             60 * time.Millisecond,
		MaxWindow:          32 << 20,
		AllowedShare:       0.5,
		SlowStart:          true,
		DelayConfirmedLoss: true,
	}
}

// Published is the configuration without what RFC 6817 and draft-irtf-iccrg-ledbat-plus-plus do not have, for comparisons.
func Published() Config {
	c := Default()
	c.AllowedShare, c.SlowStart, c.DelayConfirmedLoss = 0, false, false
	return c
}

// largestWindow is what Config.MaxWindow may be: 10 Gbit/s for 800 ms. More is a mistake of units.
const largestWindow = 1 << 30

// The errors of New.
var (
	ErrUnknownController = errors.New("ledbat: unknown controller")
	ErrConfig            = errors.New("ledbat: bad configuration")
)

// DefaultName is the controller that is used where none is chosen.
const DefaultName = "ebb"

// Names are the controllers that New makes, in the order of their birth.
func Names() []string { return []string{"rfc6817", "ledbatpp", "ebb"} }

// New makes a controller by name, one of Names.
func New(name string, c Config) (Controller, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	switch name {
	case "rfc6817":
		return newRFC6817(c), nil
	case "ledbatpp":
		return newLEDBATPP(c), nil
	case "ebb":
		return newEbb(c), nil
	}
	return nil, fmt.Errorf("%w %q: take one of %s", ErrUnknownController, name, strings.Join(Names(), ", "))
}

func (c Config) check() error {
	switch {
	case c.MSS < 1 || c.MSS > 65535:
		return fmt.Errorf("%w: MSS is %d bytes, must be 1 to 65535", ErrConfig, c.MSS)
	case c.Target <= 0 || c.Target > maxTarget:
		return fmt.Errorf("%w: Target is %v, must be above 0 and at most %v", ErrConfig, c.Target, maxTarget)
	case c.MaxWindow > largestWindow:
		return fmt.Errorf("%w: MaxWindow is %d bytes, must be at most %d", ErrConfig, c.MaxWindow, largestWindow)
	case c.MaxWindow < minCwnd*c.MSS:
		return fmt.Errorf("%w: MaxWindow is %d bytes, must be at least %d MSS (%d)", ErrConfig, c.MaxWindow, minCwnd, minCwnd*c.MSS)
	case !(c.AllowedShare >= 0 && c.AllowedShare <= 1):
		return fmt.Errorf("%w: AllowedShare is %v, must be 0 to 1", ErrConfig, c.AllowedShare)
	}
	return nil
}
