// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"iter"
	"slices"

	"pgregory.net/rapid"
)

// shuffle is an order of 0..n-1 in which nothing is overtaken by anything more than reach ahead of it.
func shuffle(rt *rapid.T, n, reach int) []int {
	type late struct{ index, at int }
	all := make([]late, n)
	for i := range all {
		all[i] = late{i, i + rapid.IntRange(0, reach).Draw(rt, "late by")}
	}
	slices.SortStableFunc(all, func(a, b late) int { return a.at - b.at })
	order := make([]int, n)
	for i, l := range all {
		order[i] = l.index
	}
	return order
}

func ascending(all []uint64) iter.Seq[uint64] {
	return slices.Values(slices.Sorted(slices.Values(all)))
}
