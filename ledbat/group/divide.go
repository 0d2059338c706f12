// SPDX-License-Identifier: Apache-2.0

package group

import "math"

// Divide gives each of those that want something at most what is theirs of a budget: nobody gets more than it wants as long as another
// wants more than it gets (max-min fairness), and what nobody wants is given out in equal parts, so that who begins to want more has
// something to begin with. An infinite budget is infinite for each; a want below 0 is none.
func Divide(budget float64, wants []float64) []float64 {
	parts := make([]float64, len(wants))
	served := make([]bool, len(wants))
	left, waiting := max(0, budget), len(wants)
	for again := !math.IsInf(budget, 1); again; {
		again = false
		for i, want := range wants {
			if want = max(0, want); !served[i] && want <= left/float64(waiting) {
				parts[i], served[i], again = want, true, true
				left -= want
				waiting--
			}
		}
	}
	for i := range parts {
		switch {
		case waiting == 0:
			parts[i] += left / float64(len(parts))
		case !served[i]:
			parts[i] = left / float64(waiting)
		}
	}
	return parts
}
