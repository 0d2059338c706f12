// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
)

const (
	ms  = time.Millisecond
	sec = time.Second
	mss = 1460
)

// line is a bottleneck with a drop-tail buffer.
type line struct {
	mbit   float64
	rtt    time.Duration
	buffer time.Duration
	loss   float64
	seed   uint64
}

// both is the line forward, and a wide one without loss back. 54 bytes of headers make the goodput's ceiling 0.964 of the rate.
func (l line) both() (forward, reverse link.Config) {
	forward = link.Config{
		Rate: l.mbit * 1e6, Delay: l.rtt / 2, BufferTime: l.buffer, Loss: l.loss, Seed: l.seed,
	}
	return forward, link.Config{Rate: 100e6, Delay: l.rtt / 2, Seed: l.seed + 1000}
}

// ceiling is the largest goodput, in bit/s.
func (l line) ceiling() float64 { return l.mbit * 1e6 * mss / (mss + 54) * (1 - l.loss) }

func controller(t testing.TB, c ledbat.Config) ledbat.Controller {
	t.Helper()
	ctl, err := ledbat.New("rfc6817", c)
	if err != nil {
		t.Fatal(err)
	}
	return ctl
}

// shipped is the controller with the defaults that ship.
func shipped(t testing.TB) ledbat.Controller {
	t.Helper()
	c := ledbat.Default()
	c.MSS = mss
	return controller(t, c)
}

// byTheBook is RFC 6817 without additions.
func byTheBook(t testing.TB, target time.Duration) ledbat.Controller {
	t.Helper()
	c := ledbat.Default()
	c.MSS, c.Target, c.AllowedShare, c.SlowStart, c.DelayConfirmedLoss = mss, target, 0, false, false
	return controller(t, c)
}

// alone runs one flow on a line.
func alone(l line, ctl ledbat.Controller, d time.Duration) (*Path, *Bulk) {
	w := NewWorld()
	p := w.Path(l.both())
	f := w.Flow(p, FlowConfig{Controller: ctl, MSS: mss, Headers: 54})
	w.Run(d)
	return p, f
}
