// SPDX-License-Identifier: Apache-2.0

// Package units reads sizes and rates as people write them, with the unit: 64MiB, 1.5GB, 20Mbit, 2MB. One form is accepted; a number
// without a unit is none.
package units

import (
	"strconv"
	"strings"
)

type unit struct {
	suffix string
	factor float64
}

var sizes = []unit{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// Size reads bytes.
func Size(text string) (bytes int64, ok bool) {
	v, ok := read(text, sizes)
	if !ok || !(v >= 0 && v < 1<<62) {
		return 0, false
	}
	return int64(v), true
}

var rates = []unit{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"GB", 8e9}, {"MB", 8e6}, {"kB", 8e3}, {"bit", 1}}

// Rate reads bits a second, more than 0.
func Rate(text string) (bits float64, ok bool) {
	v, ok := read(text, rates)
	if !ok || !(v > 0 && v < 1e30) {
		return 0, false
	}
	return v, true
}

func read(text string, units []unit) (float64, bool) {
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			v, err := strconv.ParseFloat(number, 64)
			return v * u.factor, err == nil
		}
	}
	return 0, false
}

// RateText writes bits a second, more than 0, so that Rate reads the same again.
func RateText(bits int64) string {
	for _, u := range []unit{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}} {
		if f := int64(u.factor); bits%f == 0 {
			return strconv.FormatInt(bits/f, 10) + u.suffix
		}
	}
	return strconv.FormatInt(bits, 10) + "bit"
}
