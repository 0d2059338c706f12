// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// Waiter is a Controller that shares what it permits among several flows, and so wants to know which of them have something to
// send (ledbat/group).
type Waiter interface {
	// Waiting reports that there are so many bytes to send of which Window does not allow the next datagram.
	Waiting(now time.Time, bytes int)
}

// Remainer is a Controller that can be told that what it believes in flight is not. What is missing was neither acknowledged nor lost:
// the flow that had sent it has ended, and its peer will say nothing more.
type Remainer interface {
	// Remains reports how many bytes are still in flight.
	Remains(inFlight int)
}

// Limiter is a Controller that keeps by itself to what its flow may use whatever the path permits, as by a lease.
type Limiter interface {
	// Limit says how much that is, in bytes a second; infinite: all. It is kept on average: a few datagrams that ask how the path is leave as
	// fast as the path takes them.
	Limit(now time.Time, bytesPerSecond float64)
	// Unlimited is what Rate would be without it.
	Unlimited() float64
}

// Limit takes note of the limit. A floor is a share of what the flow may use, because the other flows of its location have one, too.
func (e *ebb) Limit(_ time.Time, bytesPerSecond float64) { e.limit = bytesPerSecond }

// Remains corrects what is in flight.
func (r *rfc6817) Remains(inFlight int) { r.flight = float64(inFlight) }

// Remains corrects what is in flight.
func (p *ledbatpp) Remains(inFlight int) { p.flight = float64(inFlight) }

// Remains corrects what is in flight.
func (e *ebb) Remains(inFlight int) { e.flight = float64(inFlight) }
