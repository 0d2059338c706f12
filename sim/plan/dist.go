// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// DistKind is the form of a distribution.
type DistKind uint8

// The forms.
const (
	Fixed     DistKind = iota // A
	Uniform                   // between A and B
	Lognormal                 // with median A and p95 B
	Empirical                 // one of Values, at their quantiles, straight lines in between
)

// Dist is a distribution of a quantity that is never negative. The zero Dist is always 0.
type Dist struct {
	Kind   DistKind
	A, B   float64
	Values []float64 // ascending, with Empirical
}

// Exactly is the distribution that always gives v.
func Exactly(v float64) Dist { return Dist{A: v} }

// z95 is the 95th percentile of the standard normal distribution.
const z95 = 1.6448536269514722

// Quantile is the value that a share q of all draws lies below, 0 <= q <= 1; of a lognormal distribution the outermost .1 % are cut off, so that no
// single draw decides a plan.
func (d Dist) Quantile(q float64) float64 {
	switch d.Kind {
	case Uniform:
		return d.A + float64(q*(d.B-d.A))
	case Lognormal:
		sigma := math.Log(d.B/d.A) / z95
		q = min(max(q, .001), .999)
		return d.A * math.Exp(sigma*normal(q))
	case Empirical:
		at := q * float64(len(d.Values)-1)
		i := min(int(at), len(d.Values)-1)
		j := min(i+1, len(d.Values)-1)
		return d.Values[i] + float64((at-float64(i))*(d.Values[j]-d.Values[i]))
	}
	return d.A
}

// Draw draws a value.
func (d Dist) Draw(r *rand.Rand) float64 {
	if d.Kind == Fixed {
		return d.A
	}
	return d.Quantile(r.Float64())
}

// FromSamples is the distribution that the samples show; it keeps no reference to them. There must be one at least.
func FromSamples(samples []float64) Dist {
	values := slices.Clone(samples)
	sort.Float64s(values)
	return Dist{Kind: Empirical, Values: values}
}

// normal is the quantile of the standard normal distribution.
func normal(q float64) float64 { return math.Sqrt2 * math.Erfinv(2*q-1) }

// Purpose says what a random stream is for.
type Purpose uint64

// Stream is the random stream of one location for one purpose; class and index say which location.
func Stream(seed uint64, class, index int, p Purpose) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(class)<<40^uint64(index)<<8^uint64(p)))
}
