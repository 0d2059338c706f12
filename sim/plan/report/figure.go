// SPDX-License-Identifier: Apache-2.0

package report

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat/harm"
	"github.com/ebbproject/ebb/sim/plan"
)

// Figure is a mean over replicas with its 95 % confidence interval; without one where there is but one replica. All are null where there is none.
type Figure struct {
	Value *float64 `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

func figure(samples []float64) (f Figure) {
	n := float64(len(samples))
	if n == 0 {
		return f
	}
	sum, squares := 0.0, 0.0
	for _, v := range samples {
		sum += v
	}
	mean := sum / n
	f.Value = &mean
	if n == 1 {
		return f
	}
	for _, v := range samples {
		squares += (v - mean) * (v - mean)
	}
	half := harm.Student(len(samples)-1) * math.Sqrt(squares/(n-1)/n)
	low, high := max(mean-half, 0), mean+half // nothing that is told here is ever negative
	f.Low, f.High = &low, &high
	return f
}

// or is the value, or something else where there is none.
func (f Figure) or(v float64) float64 {
	if f.Value == nil {
		return v
	}
	return *f.Value
}

// half is half of the interval's width; 0 without one.
func (f Figure) half() float64 {
	if f.High == nil {
		return 0
	}
	return *f.High - *f.Value
}

// Quantile is when a part of all has something, in seconds since the order.
type Quantile struct {
	Seconds Figure `json:"seconds"`
	Reached int    `json:"replicas_reached"` // in which so many ever had it
}

// never is when what is not complete at the horizon is.
var never = math.Inf(1)

func seconds(d time.Duration) float64 {
	if d == plan.Never {
		return never
	}
	return d.Seconds()
}

// at is the quantile q of ascending times of n, those that are not there being infinite.
func at(times []float64, n int, q float64) float64 {
	i := max(int(math.Ceil(q*float64(n)))-1, 0)
	if i >= len(times) {
		return never
	}
	return times[i]
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return never
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return at(v, len(v), .5)
}

// finite is null for what is not.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

func quantile(perReplica []float64) Quantile {
	reached := slices.DeleteFunc(slices.Clone(perReplica), func(v float64) bool { return math.IsInf(v, 1) })
	return Quantile{figure(reached), len(reached)}
}
