// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is a random but possible course of events for a controller.
type world struct {
	c       *rfc6817
	now     time.Time
	flight  int
	flights []flightAt    // every change
	longest time.Duration // round trip that the controller has believed in so far
}

type flightAt struct {
	at    time.Time
	bytes int
}

func drawConfig(t *rapid.T) Config {
	size := rapid.SampledFrom([]int{1, 100, 1400, 8000, 65535}).Draw(t, "mss")
	return Config{
		MSS:                size,
		Target:             time.Duration(rapid.IntRange(1, 100).Draw(t, "target ms")) * ms,
		MaxWindow:          size * rapid.IntRange(2, 2000).Draw(t, "max window"),
		AllowedShare:       rapid.Float64Range(0, 1).Draw(t, "allowed share"),
		SlowStart:          rapid.Bool().Draw(t, "slow start"),
		DelayConfirmedLoss: rapid.Bool().Draw(t, "confirmed loss"),
	}
}

func (w *world) setFlight(bytes int) {
	w.flight = bytes
	w.flights = append(w.flights, flightAt{w.now, bytes})
}

// largestFlight of the last d.
func (w *world) largestFlight(d time.Duration) int {
	largest := 0
	for i := len(w.flights) - 1; i >= 0; i-- {
		largest = max(largest, w.flights[i].bytes)
		if w.now.Sub(w.flights[i].at) > d {
			break // what was in flight when the span began
		}
	}
	return largest
}

// step lets one random thing happen.
func (w *world) step(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 200_000).Draw(t, "µs")) * time.Microsecond)
	c, size := w.c, w.c.cfg.MSS
	before := c.cwnd
	switch rapid.IntRange(0, 9).Draw(t, "event") {
	case 0, 1, 2, 3:
		for w.flight == 0 || w.flight+size <= c.Window() {
			c.Sent(w.now, size)
			w.setFlight(w.flight + size)
			if rapid.IntRange(0, 3).Draw(t, "enough") == 0 {
				return
			}
		}
	case 4, 5, 6, 7:
		w.acked(t)
	case 8:
		if w.flight < size {
			return
		}
		w.setFlight(w.flight - size)
		c.Lost(w.now, size, w.now.Add(-time.Duration(rapid.IntRange(0, 500).Draw(t, "sent ms ago"))*ms))
		if c.cwnd > before || c.cwnd < min(before, max(before/2, 2*c.mss)) {
			t.Fatalf("a loss moved the window from %.0f to %.0f: %v", before, c.cwnd, c)
		}
	case 9:
		if rapid.IntRange(0, 4).Draw(t, "rare") > 0 {
			return
		}
		w.setFlight(0)
		c.TimedOut(w.now)
		if c.Window() != size {
			t.Fatalf("after a timeout the window is %d, not 1 MSS: %v", c.Window(), c)
		}
	}
}

func (w *world) acked(t *rapid.T) {
	c := w.c
	before, starting := c.cwnd, c.starting()
	bytes := min(w.flight, c.cfg.MSS*rapid.IntRange(0, 16).Draw(t, "acked"))
	w.setFlight(w.flight - bytes)
	w.longest = max(w.longest, c.span())
	c.Acked(w.now, Ack{
		Bytes:       bytes,
		OneWayDelay: time.Duration(rapid.Int64Range(-1<<31, 1<<31-1).Draw(t, "delay µs")>>uint(rapid.IntRange(0, 30).Draw(t, "small"))) * time.Microsecond,
		RTT:         time.Duration(rapid.IntRange(0, 2_000_000).Draw(t, "rtt µs")) * time.Microsecond,
		CE:          rapid.IntRange(0, 20).Draw(t, "ce") == 0,
		InFlight:    w.flight,
	})
	w.longest = max(w.longest, c.span())
	grown := c.cwnd - before
	if limit := float64(bytes); starting && grown > max(limit, 2*c.mss)*1.0001 {
		t.Fatalf("slow start grew by %.0f for %d bytes: %v", grown, bytes, c)
	}
	if limit := float64(bytes) * c.mss / before; !starting && grown > max(limit*1.0001, 2*c.mss-before) {
		t.Fatalf("the window grew by %.3f for %d bytes, more than one MSS a round trip: %v", grown, bytes, c)
	}
	if c.cwnd < 2*c.mss {
		t.Fatalf("the window is below MIN_CWND after an acknowledgement: %v", c)
	}
	flight := float64(w.largestFlight(2 * w.longest))
	allowed := flight + max(c.mss, c.cfg.AllowedShare*flight)
	if starting {
		allowed = 2 * flight
	}
	if c.cwnd > max(allowed*1.0001, 2*c.mss) {
		t.Fatalf("the window %.0f exceeds what was in flight by more than allowed (%.0f): %v", c.cwnd, allowed, c)
	}
}

func (w *world) check(t *rapid.T) {
	c := w.c
	switch {
	case c.Window() < c.cfg.MSS || c.Window() > max(c.cfg.MaxWindow, 2*c.cfg.MSS):
		t.Fatalf("the window left its bounds: %v", c)
	case math.IsNaN(c.cwnd) || math.IsNaN(c.Rate()) || math.IsInf(c.Rate(), 0) || c.Rate() < 0:
		t.Fatalf("window %v, rate %v: %v", c.cwnd, c.Rate(), c)
	case c.QueueDelay() < 0:
		t.Fatalf("a negative queue: %v", c)
	case c.CTO() < minCTO || c.CTO() > 8*time.Second:
		t.Fatalf("CTO is %v: %v", c.CTO(), c)
	case c.String() == "":
		t.Fatal("the state says nothing")
	}
}

// Whatever happens, in any order and with any delays: the window stays between its floor and its ceilings.
func TestWindowStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{c: newRFC6817(drawConfig(t)), now: epoch}
		for range 150 {
			w.step(t)
			w.check(t)
		}
	})
}

// The more delay a feedback tells of, the smaller the window it leaves.
func TestMoreDelayNeverMeansMoreWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := drawConfig(t)
		config.DelayConfirmedLoss = false // what is taken for noise depends on the delays
		w := &world{c: newRFC6817(config), now: epoch}
		for range 60 {
			w.step(t)
		}
		bytes := min(w.flight, 4*config.MSS)
		small := time.Duration(rapid.IntRange(0, 300_000).Draw(t, "delay µs")) * time.Microsecond
		more := small + time.Duration(rapid.IntRange(0, 300_000).Draw(t, "more µs"))*time.Microsecond
		a, b := *w.c, *w.c
		a.Acked(w.now, Ack{Bytes: bytes, OneWayDelay: a.delay.last + small, InFlight: w.flight - bytes})
		b.Acked(w.now, Ack{Bytes: bytes, OneWayDelay: b.delay.last + more, InFlight: w.flight - bytes})
		if a.Window() < b.Window() {
			t.Fatalf("%v more delay leaves %d, %v leaves %d", small, a.Window(), more, b.Window())
		}
	})
}
