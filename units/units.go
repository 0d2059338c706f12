// SPDX-License-Identifier: Apache-2.0

// Package units reads sizes and rates as people write them, with the unit: 64MiB, 1.5GB, 20Mbit, 2MB. One form is accepted; a number
// without a unit is none. It writes them for people to read, too: 64.0 MiB, 20.0 Mbit/s.
package units

import (
	"fmt"
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

// IEC shows bytes to people.
func IEC(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	names := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, unit := float64(bytes), 0
	for ; v >= 1024 && unit < len(names)-1; unit++ {
		v /= 1024
	}
	return fmt.Sprintf("%.1f %s", v, names[unit])
}

// Bitrate shows bits a second to people.
func Bitrate(bits float64) string {
	names := []string{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"}
	unit := 0
	for ; bits >= 1000 && unit < len(names)-1; unit++ {
		bits /= 1000
	}
	if unit == 0 {
		return fmt.Sprintf("%.0f %s", bits, names[0])
	}
	return fmt.Sprintf("%.1f %s", bits, names[unit])
}
