// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"fmt"
	"math"
	"time"
)

const (
	maxPairs   = 512
	leastPairs = 10 // before anything is claimed
	// A drift beyond that is no clock's: "MAXFREQ 500e-6 /* frequency tolerance (500 ppm) */" (RFC 5905, appendix A.1.1).
	maxDrift = 500e-6
	// An interval that contains zero says that there is no harm if it ends below that.
	telling = 5 * time.Millisecond
)

// Finding is what a series amounts to.
type Finding uint8

// The findings.
const (
	NoEvidence Finding = iota // too few pairs, or an interval too wide to say anything
	NoneFound                 // the interval contains zero and ends below 5 ms
	Harm                      // the whole interval is above zero
)

func (f Finding) String() string { return [...]string{"no evidence", "none found", "harm"}[f] }

// Report is what a series says about the delay that our flows add, while they send.
type Report struct {
	Finding   Finding
	Added     time.Duration // mean
	Low, High time.Duration // 95 % interval of the mean; all three are 0 before there are ten pairs
	Pairs     int           // in the estimate
	Probes    int           // heard of, in these pairs
	Void      int           // trials that made no pair, since the beginning
	Since     time.Time     // of the oldest pair; zero: there is none
}

// Estimated reports whether there are enough pairs for Added, Low and High.
func (r Report) Estimated() bool { return r.Pairs >= leastPairs }

// String is the report in one line.
func (r Report) String() string {
	if !r.Estimated() {
		return fmt.Sprintf("%v: %d pairs of at least %d, %d trials void", r.Finding, r.Pairs, leastPairs, r.Void)
	}
	us := time.Microsecond
	return fmt.Sprintf("%v: %v added (%v to %v), %d pairs, %d probes, %d trials void", r.Finding, r.Added.Round(us), r.Low.Round(us),
		r.High.Round(us), r.Pairs, r.Probes, r.Void)
}

// Series is the last 512 pairs of one path or location. The zero value has none.
type Series struct {
	pairs []Pair // a ring once it is full
	head  int    // of the oldest
	void  int
	base  time.Duration // of the newest pair, unwrapped
}

// Add takes a pair in.
func (s *Series) Add(p Pair) {
	if len(s.pairs) > 0 {
		p.Base = s.base + unwrap(p.Base-s.base)
	}
	s.base = p.Base
	if len(s.pairs) < maxPairs {
		s.pairs = append(s.pairs, p)
		return
	}
	s.pairs[s.head] = p
	s.head = (s.head + 1) % maxPairs
}

// Void notes a trial that made no pair.
func (s *Series) Void() { s.void++ }

// at is pair i, counted from the oldest.
func (s *Series) at(i int) *Pair { return &s.pairs[(s.head+i)%len(s.pairs)] }

// Report is the estimate as of now.
func (s *Series) Report() Report {
	n := len(s.pairs)
	r := Report{Pairs: n, Void: s.void}
	for i := range s.pairs {
		r.Probes += s.pairs[i].Probes
	}
	if n > 0 {
		r.Since = s.at(0).At
	}
	if n < leastPairs {
		return r
	}
	// A delay that grows by drift was the larger in the window that came later.
	drift, sum := s.drift(), 0.0
	added := func(p *Pair) float64 { return p.Added.Seconds() + drift*p.Gap.Seconds() }
	for i := range s.pairs {
		sum += added(&s.pairs[i])
	}
	mean, squares := sum/float64(n), 0.0
	for i := range s.pairs {
		d := added(&s.pairs[i]) - mean
		squares += float64(d * d)
	}
	half := Student(n-1) * math.Sqrt(squares/float64(n-1)/float64(n))
	r.Added, r.Low, r.High = seconds(mean), seconds(mean-half), seconds(mean+half)
	switch {
	case r.Low > 0:
		r.Finding = Harm
	case r.High < telling:
		r.Finding = NoneFound
	}
	return r
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// drift is by how much the clocks' offset grows in a second: the slope from the smallest delay of the first third of the pairs
// to that of the last third. Queues only ever add, so the smallest delays are those of the path.
func (s *Series) drift() float64 {
	n := len(s.pairs)
	if n < 3 {
		return 0
	}
	early, late := s.at(0), s.at(n-1)
	for i := 1; i < n/3; i++ {
		if p := s.at(i); p.Base < early.Base {
			early = p
		}
		if p := s.at(n - 1 - i); p.Base < late.Base {
			late = p
		}
	}
	elapsed := late.At.Sub(early.At).Seconds()
	if elapsed <= 0 {
		return 0
	}
	slope := (late.Base - early.Base).Seconds() / elapsed
	return min(max(slope, -maxDrift), maxDrift)
}

// fewest are the quantiles below for 1 to 8 degrees of freedom, from every table.
var fewest = [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306}

// Student is the quantile 0.975 of Student's t with that many degrees of freedom, at least 1, right to three decimals: the expansion of Abramowitz and
// Stegun, 26.7.5, is so from 9 degrees on.
func Student(degrees int) float64 {
	if degrees <= len(fewest) {
		return fewest[max(degrees, 1)-1]
	}
	const x = 1.959963985
	const x3, x5, x7 = x * x * x, x * x * x * x * x, x * x * x * x * x * x * x
	v := float64(degrees)
	return x + (x3+x)/(4*v) + (5*x5+16*x3+3*x)/(96*v*v) + (3*x7+19*x5+17*x3-15*x)/(384*v*v*v)
}

// Together is the pair of a location: the mean of what its paths say about one trial. It panics without any. As every path
// has a clock of its own at its end, nothing is known of the drift; it cancels out with the order of the windows.
func Together(pairs []Pair) Pair {
	all := pairs[0]
	all.Added, all.Base, all.Probes = 0, 0, 0
	for _, p := range pairs {
		all.Added += p.Added / time.Duration(len(pairs))
		all.Probes += p.Probes
	}
	return all
}

// String is the state in one line.
func (s *Series) String() string { return s.Report().String() }
