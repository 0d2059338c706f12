// SPDX-License-Identifier: Apache-2.0

// Package link is what a network does to datagrams.
package link

import "time"

// A Verdict is what became of a packet at the entrance of a link.
type Verdict uint8

// The verdicts.
const (
	Queued          Verdict = iota // it will come out of Take
	DroppedBuffer                  // the buffer was full
	DroppedLoss                    // lost at random
	DroppedBlackout                // the link was down, or will be before the packet has left the buffer
	DroppedTooBig                  // larger than the MTU
)

// Stats counts packets, and bytes without Overhead.
// Sent = Delivered + Inside + everything dropped, in packets and in bytes.
type Stats struct {
	Sent, Delivered, Inside                                    int64
	DroppedBuffer, DroppedLoss, DroppedBlackout, DroppedTooBig int64

	SentBytes, DeliveredBytes, InsideBytes, DroppedBytes int64

	// QueueMax is the longest time a packet has waited in the buffer or will.
	QueueMax time.Duration
}

// A Link carries packets of type T in one direction.
type Link[T any] struct{}

// New returns an idle link. It panics if c.Validate finds fault: whoever takes
// a Config from a user validates it first.
func New[T any](start time.Time, c Config) *Link[T] { return &Link[T]{} }

// Send gives the link a packet of size bytes at now.
func (l *Link[T]) Send(now time.Time, size int, payload T) Verdict { return Queued }

// Deadline is when the next packet arrives; zero: nothing is inside.
func (l *Link[T]) Deadline() time.Time { return time.Time{} }

// Take returns the next packet that has arrived by now.
func (l *Link[T]) Take(now time.Time) (payload T, ok bool) { return payload, false }

// QueueDelay is how long a packet sent now would wait before its first bit leaves.
func (l *Link[T]) QueueDelay(now time.Time) time.Duration { return 0 }

// SetRate changes the rate; what waits in the buffer leaves at the new one.
func (l *Link[T]) SetRate(now time.Time, rate float64) {}

// SetDelay changes the propagation delay of packets sent from now on. Over a
// shorter way they overtake those that are on the longer one.
func (l *Link[T]) SetDelay(now time.Time, delay time.Duration) {}

// Cut begins a blackout of length d at now.
func (l *Link[T]) Cut(now time.Time, d time.Duration) {}

// Stats returns the counters.
func (l *Link[T]) Stats() Stats { return Stats{} }

// String is the state in one line.
func (l *Link[T]) String() string { return "" }
