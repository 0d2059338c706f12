// SPDX-License-Identifier: Apache-2.0

package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"time"
)

const (
	// Opportunity is how many bytes, Overhead included, an opportunity carries.
	Opportunity = 1500
	// MaxTrace is how many opportunities a trace may have.
	MaxTrace = 4 << 20
)

// A Trace is when a link could deliver, as Mahimahi records it (Netravali et al., "Mahimahi:
// Accurate record-and-replay for HTTP", USENIX ATC 2015). It never changes; links may share it.
type Trace struct {
	at     []uint32 // ms, in order
	period int64    // ns
}

// A TraceError is a line of a trace that cannot be.
type TraceError struct {
	Line    int // from 1
	Problem string
}

func (e *TraceError) Error() string {
	return fmt.Sprintf("link: line %d of the trace %s", e.Line, e.Problem)
}

// ErrTrace is wrapped by the errors of ParseTrace that are of no one line.
var ErrTrace = errors.New("link: not a trace")

// ParseTrace reads a trace: in each line the time of an opportunity, in whole milliseconds
// since the start, never less than in the line before. The last one is also the length, after
// which it begins anew.
func ParseTrace(r io.Reader) (*Trace, error) {
	t := &Trace{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64), 64) // a longer line is none of a trace
	last := uint64(0)
	for n := 1; lines.Scan(); n++ {
		if n > MaxTrace {
			return nil, &TraceError{n, fmt.Sprintf("is one too many; the limit is %d", MaxTrace)}
		}
		ms, err := strconv.ParseUint(lines.Text(), 10, 32)
		switch {
		case err != nil, len(lines.Text()) > 1 && lines.Text()[0] == '0':
			return nil, &TraceError{n, fmt.Sprintf("is %q; give whole milliseconds from 0 to %d", lines.Text(), uint32(1<<32-1))}
		case ms < last:
			return nil, &TraceError{n, fmt.Sprintf("is %d ms, before the %d ms of the line above; order them", ms, last)}
		}
		last = ms
		t.at = append(t.at, uint32(ms))
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, &TraceError{len(t.at) + 1, "is too long for a number of milliseconds"}
	case err != nil:
		return nil, fmt.Errorf("link: read a trace: %w", err)
	case len(t.at) == 0:
		return nil, fmt.Errorf("%w: it is empty; give a line for each opportunity", ErrTrace)
	case last == 0:
		return nil, fmt.Errorf("%w: it lasts 0 ms; the last line is its length", ErrTrace)
	}
	t.period = int64(last) * int64(time.Millisecond)
	return t, nil
}

// Rate is the mean rate in bit/s.
func (t *Trace) Rate() float64 { return float64(t.bitsPerPeriod()) * 1e9 / float64(t.period) }

func (t *Trace) bitsPerPeriod() int64 { return int64(len(t.at)) * Opportunity * 8 }

// Duration is the length, after which it begins anew.
func (t *Trace) Duration() time.Duration { return time.Duration(t.period) }

// Opportunities is how many there are in a Duration.
func (t *Trace) Opportunities() int { return len(t.at) }

// time is when opportunity n is, counted from the start and from 0, in ns.
func (t *Trace) time(n int64) int64 {
	turns, i := n/int64(len(t.at)), n%int64(len(t.at))
	return turns*t.period + int64(t.at[i])*int64(time.Millisecond)
}

// after is the number of the first opportunity later than now, which is not negative.
func (t *Trace) after(now int64) int64 {
	turns, rest := now/t.period, now%t.period
	i := sort.Search(len(t.at), func(i int) bool { return int64(t.at[i])*int64(time.Millisecond) > rest })
	return turns*int64(len(t.at)) + int64(i)
}

// Rates is the rate in bit/s over each of n equal parts of the Duration.
func (t *Trace) Rates(n int) []float64 {
	rates := make([]float64, n)
	part := float64(t.period) / float64(n)
	for _, ms := range t.at { // an opportunity ends the time that it took: that at the end of the period belongs to its last part
		i := int(math.Ceil(float64(ms)*1e6/part)) - 1
		rates[min(max(i, 0), n-1)] += Opportunity * 8 * 1e9 / part
	}
	return rates
}
