// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"time"
)

// A ConfigError names the field of a Config that no link can have.
type ConfigError struct {
	Field   string
	Problem string
}

func (e *ConfigError) Error() string { return "link: " + e.Field + " " + e.Problem }

// Validate reports the first thing in c that no link can have, as a *ConfigError.
func (c Config) Validate() error {
	if !(c.Rate == 0 || c.Rate >= MinRate && c.Rate <= MaxRate) {
		return &ConfigError{"Rate", fmt.Sprintf("is %v bit/s; give 0 (infinitely fast) or %.0f to %.0f", c.Rate, MinRate, MaxRate)}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Delay", c.Delay}, {"BufferTime", c.BufferTime}, {"Jitter", c.Jitter}, {"ReorderDelay", c.ReorderDelay},
		{"WiFi.Interval", c.WiFi.Interval}, {"WiFi.Access", c.WiFi.Access},
		{"LTE.Interval", c.LTE.Interval}, {"LTE.RoundTrip", c.LTE.RoundTrip},
	} {
		if field, what := duration(d.field, d.value); what != "" {
			return &ConfigError{field, what}
		}
	}
	for _, n := range []struct {
		field      string
		value, max int
	}{
		{"BufferBytes", c.BufferBytes, MaxBuffer}, {"MTU", c.MTU, MaxSize}, {"Overhead", c.Overhead, MaxSize},
	} {
		if n.value < 0 || n.value > n.max {
			return &ConfigError{n.field, fmt.Sprintf("is %d bytes; give 0 to %d", n.value, n.max)}
		}
	}
	for _, p := range []struct {
		field string
		value float64
	}{
		{"Loss", c.Loss}, {"Reorder", c.Reorder}, {"LTE.Retransmit", c.LTE.Retransmit},
		{"BurstLoss.ToBad", c.BurstLoss.ToBad}, {"BurstLoss.ToGood", c.BurstLoss.ToGood},
		{"BurstLoss.LossGood", c.BurstLoss.LossGood}, {"BurstLoss.LossBad", c.BurstLoss.LossBad},
	} {
		if !(p.value >= 0 && p.value <= 1) {
			return &ConfigError{p.field, fmt.Sprintf("is %v; give a share between 0 and 1", p.value)}
		}
	}
	for _, check := range []func(Config) error{
		Config.validateTogether, Config.validateBlackouts, Config.validateBottleneck, Config.validateSchedule, Config.validateAir,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

// validateTogether checks what each field alone cannot show.
func (c Config) validateTogether() error {
	if c.MTU > 0 && c.Overhead >= c.MTU {
		return &ConfigError{"Overhead", fmt.Sprintf("of %d bytes leaves no room in an MTU of %d", c.Overhead, c.MTU)}
	}
	if c.JitterReorders && c.Jitter == 0 {
		return &ConfigError{"JitterReorders", "is set without a Jitter"}
	}
	if c.Reorder > 0 && c.ReorderDelay == 0 {
		return &ConfigError{"Reorder", "is set without a ReorderDelay; say how late those packets are"}
	}
	switch b := c.BurstLoss; {
	case b.ToBad == 0 && b != GilbertElliott{}:
		return &ConfigError{"BurstLoss.ToBad", "is 0 and other fields are not; say how likely it is that the link becomes bad"}
	case b.ToBad > 0 && b.ToGood == 0:
		return &ConfigError{"BurstLoss.ToGood", "is 0, so that the link would be bad for good; give the probability to become good again"}
	case b.ToBad > 0 && b.LossBad <= b.LossGood:
		return &ConfigError{"BurstLoss.LossBad", fmt.Sprintf("is %v; give more than the LossGood of %v", b.LossBad, b.LossGood)}
	}
	return nil
}

func (c Config) validateBlackouts() error {
	end := time.Duration(0)
	for i, w := range c.Blackouts {
		switch {
		case w.For <= 0:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d lasts %v; it must last some time", i+1, w.For)}
		case w.From < end:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d begins at %v, before %v where the one before ends; order them", i+1, w.From, end)}
		case w.From > maxTime || w.For > maxTime:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d ends later than %v after the start", i+1, time.Duration(maxTime))}
		}
		end = w.From + w.For
	}
	return nil
}

// validateBottleneck checks what decides which packets leave, and when.
func (c Config) validateBottleneck() error {
	p := c.Policer
	switch {
	case c.Trace != nil && len(c.Trace.at) == 0:
		return &ConfigError{"Trace", "is empty; make it with ParseTrace"}
	case c.Trace != nil && c.Rate != 0:
		return &ConfigError{"Rate", "is set, and so is a Trace, which takes its place; leave one out"}
	case p.Rate == 0 && p.Burst != 0:
		return &ConfigError{"Policer.Burst", "is set without a Rate"}
	case p.Rate != 0 && !validRate(p.Rate):
		return &ConfigError{"Policer.Rate", fmt.Sprintf("is %v bit/s; give 0 (no policer) or %.0f to %.0f", p.Rate, MinRate, MaxRate)}
	case p.Rate != 0 && (p.Burst <= 0 || p.Burst > MaxBuffer):
		return &ConfigError{"Policer.Burst", fmt.Sprintf("is %d bytes; give at least the size of a packet and at most %d", p.Burst, MaxBuffer)}
	}
	if c.AQM == nil {
		return nil
	}
	if c.Rate == 0 && c.Trace == nil {
		return &ConfigError{"AQM", "is set on a link that is infinitely fast, where nothing waits; give a Rate or a Trace"}
	}
	switch c.AQM.(type) {
	case CoDel, PIE, RED, FQCoDel:
	default:
		return &ConfigError{"AQM", fmt.Sprintf("is a %T; give a CoDel, PIE, RED or FQCoDel, not a pointer to one", c.AQM)}
	}
	if field, what := c.AQM.problem(); what != "" {
		return &ConfigError{field, what}
	}
	return nil
}

func validRate(rate float64) bool { return rate >= MinRate && rate <= MaxRate }

func (c Config) validateSchedule() error {
	s := c.Schedule
	last := time.Duration(-1)
	for i, step := range s.Steps {
		problem := ""
		switch {
		case step.At <= last || step.At > maxTime:
			problem = fmt.Sprintf("is at %v; order them, from 0s to %v", step.At, time.Duration(maxTime))
		case c.Trace != nil && step.Rate != 0:
			problem = "sets a Rate, and there is a Trace, which takes its place; give it 0"
		case step.Rate != 0 && !validRate(step.Rate):
			problem = fmt.Sprintf("has a Rate of %v bit/s; give 0 (infinitely fast) or %.0f to %.0f", step.Rate, MinRate, MaxRate)
		case step.Delay < 0 || step.Delay > MaxDelay:
			problem = fmt.Sprintf("has a Delay of %v; give 0 to %v", step.Delay, MaxDelay)
		}
		if problem != "" {
			return &ConfigError{"Schedule.Steps", fmt.Sprintf("number %d %s", i+1, problem)}
		}
		last = step.At
	}
	switch {
	case s.Period != 0 && len(s.Steps) == 0:
		return &ConfigError{"Schedule.Period", "is set without Steps"}
	case s.Period != 0 && (s.Period <= last || s.Period > maxTime):
		return &ConfigError{"Schedule.Period", fmt.Sprintf("is %v; give more than the %v of the last step", s.Period, last)}
	}
	return nil
}

func (c Config) validateAir() error {
	switch {
	case c.WiFi.Interval > 0 && c.LTE.Interval > 0:
		return &ConfigError{"LTE", "is set, and so is WiFi; compose a path of two links"}
	case c.WiFi.Access > c.WiFi.Interval:
		return &ConfigError{"WiFi.Access", fmt.Sprintf("is %v; give at most the Interval of %v", c.WiFi.Access, c.WiFi.Interval)}
	case c.LTE.Interval == 0 && c.LTE != LTE{}:
		return &ConfigError{"LTE.Interval", "is 0 and other fields are not; give the TTI, usually 1ms"}
	case c.LTE.Interval > 0 && c.JitterReorders:
		return &ConfigError{"JitterReorders", "is set, and LTE keeps the order; leave one out"}
	}
	return nil
}
