// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"time"
)

// An AQM manages the queue in front of a bottleneck: a [CoDel], a [PIE], a [RED] or
// an [FQCoDel]. With ECN it marks packets that can be marked where it would drop others.
type AQM interface {
	// problem is the first thing wrong with it: the field and what about it.
	problem() (field, what string)
}

// CoDel is RFC 8289: it drops at the head of the queue while even the shortest wait
// within an interval is above the target.
type CoDel struct {
	Target   time.Duration // 0: 5 ms
	Interval time.Duration // 0: 100 ms
	ECN      bool
}

// PIE is RFC 8033: it drops what comes with a probability that a proportional
// integral controller moves until the queue is as long as the target.
type PIE struct {
	Target   time.Duration // QDELAY_REF; 0: 15 ms
	Update   time.Duration // T_UPDATE; 0: 15 ms
	MaxBurst time.Duration // MAX_BURST, how long nothing is dropped when congestion begins; 0: 150 ms
	ECN      bool
}

// RED is Floyd and Jacobson's "Random early detection gateways for congestion
// avoidance" (1993), gentle: the probability grows on between Max and twice Max. It
// looks at an average of the bytes that wait.
type RED struct {
	Min, Max int     // thresholds of the average, in bytes
	MaxP     float64 // probability at Max; 0: 0.1, as Floyd recommended in 1997
	Weight   float64 // of what waits in the average; 0: 0.002
	ECN      bool
}

// FQCoDel is RFC 8290: CoDel on each of 1024 queues, which take turns. A datagram's
// queue follows from its Flow and the link's Seed.
type FQCoDel struct {
	Target   time.Duration // 0: 5 ms
	Interval time.Duration // 0: 100 ms
	Quantum  int           // bytes, Overhead included; 0: 1514
	ECN      bool
}

func (c CoDel) problem() (field, what string) {
	c = c.filled()
	if field, what = duration("CoDel.Target", c.Target); what != "" {
		return field, what
	}
	if c.Interval <= c.Target || c.Interval > MaxDelay {
		return "CoDel.Interval", fmt.Sprintf("is %v; give more than the Target of %v and at most %v", c.Interval, c.Target, MaxDelay)
	}
	return "", ""
}

func (c CoDel) filled() CoDel {
	c.Target = orDefault(c.Target, 5*time.Millisecond)
	c.Interval = orDefault(c.Interval, 100*time.Millisecond)
	return c
}

func (c FQCoDel) problem() (field, what string) {
	if field, what = c.codel().problem(); what != "" {
		return "FQ" + field, what
	}
	if c.Quantum < 0 || c.Quantum > MaxSize {
		return "FQCoDel.Quantum", fmt.Sprintf("is %d bytes; give 0 (1514) to %d", c.Quantum, MaxSize)
	}
	return "", ""
}

// codel is what manages each queue.
func (c FQCoDel) codel() CoDel { return CoDel{Target: c.Target, Interval: c.Interval, ECN: c.ECN} }

func (c PIE) problem() (field, what string) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"PIE.Target", c.Target}, {"PIE.Update", c.Update}, {"PIE.MaxBurst", c.MaxBurst}} {
		if field, what = duration(d.field, d.value); what != "" {
			return field, what
		}
	}
	if c.Update != 0 && c.Update < time.Millisecond {
		return "PIE.Update", fmt.Sprintf("is %v; give at least %v", c.Update, time.Millisecond)
	}
	return "", ""
}

func (c PIE) filled() PIE {
	c.Target = orDefault(c.Target, 15*time.Millisecond)
	c.Update = orDefault(c.Update, 15*time.Millisecond)
	c.MaxBurst = orDefault(c.MaxBurst, 150*time.Millisecond)
	return c
}

func (c RED) problem() (field, what string) {
	switch {
	case c.Min <= 0:
		return "RED.Min", fmt.Sprintf("is %d bytes; give the average from which on packets are dropped", c.Min)
	case c.Max <= c.Min || c.Max > MaxBuffer:
		return "RED.Max", fmt.Sprintf("is %d bytes; give more than the Min of %d and at most %d", c.Max, c.Min, MaxBuffer)
	case !(c.MaxP >= 0 && c.MaxP <= 1):
		return "RED.MaxP", fmt.Sprintf("is %v; give a share between 0 (0.1) and 1", c.MaxP)
	case !(c.Weight >= 0 && c.Weight <= 1):
		return "RED.Weight", fmt.Sprintf("is %v; give a share between 0 (0.002) and 1", c.Weight)
	}
	return "", ""
}

func (c RED) filled() RED {
	c.MaxP = orDefault(c.MaxP, 0.1)
	c.Weight = orDefault(c.Weight, 0.002)
	return c
}

func orDefault[N int | float64 | time.Duration](given, otherwise N) N {
	if given == 0 {
		return otherwise
	}
	return given
}

func duration(field string, d time.Duration) (string, string) {
	if d < 0 || d > MaxDelay {
		return field, fmt.Sprintf("is %v; give 0 to %v", d, MaxDelay)
	}
	return "", ""
}
