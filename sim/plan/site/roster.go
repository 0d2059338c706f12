// SPDX-License-Identifier: Apache-2.0

package site

import "github.com/ebbproject/ebb/sim/plan"

// Roster numbers the locations of a scenario that are played: one class after the other, in the order of their indices.
type Roster struct {
	first []int // number of the first location of each class; at the end how many there are
	only  [][]int
	step  int
}

// NewRoster numbers them.
func NewRoster(s *plan.Scenario) *Roster {
	r := &Roster{first: []int{0}}
	n := 0
	for _, c := range s.Classes {
		if c.Only != nil {
			n += len(c.Only)
		} else {
			n += c.Count
		}
		r.first, r.only = append(r.first, n), append(r.only, c.Only)
	}
	r.step = coprime(n)
	return r
}

// Len is how many there are.
func (r *Roster) Len() int { return r.first[len(r.first)-1] }

// At is class and index of a location by its number.
func (r *Roster) At(number int) (class, index int) {
	for r.first[class+1] <= number {
		class++
	}
	index = number - r.first[class]
	if only := r.only[class]; only != nil {
		index = only[index]
	}
	return class, index
}

// Spread is a number for each k below Len, each once, such that the first few are a sample of all.
func (r *Roster) Spread(k int) int { return k * r.step % r.Len() }

// coprime is about the golden section of n, and has no divisor in common with it.
func coprime(n int) int {
	gcd := func(a, b int) int {
		for b != 0 {
			a, b = b, a%b
		}
		return a
	}
	k := max(int(float64(n)*0.6180339887), 1)
	for gcd(k, n) > 1 {
		k++
	}
	return k
}
