// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"crypto/x509"
	"strings"
	"time"
)

// ClockBorne is by how much the clocks of two machines of a fleet may differ and all goes on. Where each time that is told of another
// machine is judged:
//
//   - A certificate is made by the hub's clock and judged by that of whoever is shown it. It counts from ClockBorne before it was made, and
//     is renewed a month before it ends.
//   - A letter is dated by its writer's clock and judged by the hub's, less by how much the two differed when the writer last spoke itself.
//   - A token is made and judged by the hub's clock alone. Leases, presence and pauses between attempts are spans, and no clock but the own
//     one is asked.
//   - When an order or a policy ends, and when a manifest does, is judged by each host's own clock, and so is a window: a host whose clock
//     is an hour ahead ends a pause an hour early.
const ClockBorne = 24 * time.Hour

// Behind is by how much a clock that shows now is behind that of the hub when it made a certificate, if that is more than is borne: so
// much at least is it behind the hub's. Zero: it is not.
func Behind(c *x509.Certificate, now time.Time) time.Duration {
	if c == nil || !now.Before(c.NotBefore) {
		return 0
	}
	return c.NotBefore.Add(ClockBorne).Sub(now)
}

// Against writes how a clock that is so far ahead of the hub's, or behind if negative, stands to it.
func Against(ahead time.Duration) string {
	if ahead < 0 {
		return Span(ahead) + " behind the hub's"
	}
	return Span(ahead) + " ahead of the hub's"
}

// Span writes how far clocks are apart, to the minute.
func Span(d time.Duration) string {
	return strings.TrimSuffix(d.Abs().Round(time.Minute).String(), "0s")
}
