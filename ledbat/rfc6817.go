// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

// The constants of RFC 6817, section 2.5 and 3.
const (
	maxTarget       = 100 * time.Millisecond
	minCwnd         = 2
	initCwnd        = 2
)

type rfc6817 struct {
	cfg  Config
	cwnd float64
}

func newRFC6817(c Config) *rfc6817 {
	return &rfc6817{cfg: c, cwnd: float64(initCwnd * c.MSS)}
}

func (c *rfc6817) Sent(now time.Time, bytes int)                   {}
func (c *rfc6817) Acked(now time.Time, a Ack)                      {}
func (c *rfc6817) Lost(now time.Time, bytes int, sentAt time.Time) {}
func (c *rfc6817) TimedOut(now time.Time)                          {}
func (c *rfc6817) Advance(now time.Time)                           {}
func (c *rfc6817) Deadline() time.Time                             { return time.Time{} }
func (c *rfc6817) Window() int                                     { return int(c.cwnd) }
func (c *rfc6817) Rate() float64                                   { return 0 }
func (c *rfc6817) CTO() time.Duration                              { return time.Second }
func (c *rfc6817) QueueDelay() time.Duration                       { return 0 }
func (c *rfc6817) BaseDelay() time.Duration                        { return 0 }
func (c *rfc6817) String() string                                  { return fmt.Sprintf("rfc6817 cwnd %.0f", c.cwnd) }
