// SPDX-License-Identifier: Apache-2.0

package units

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{"64MiB": 64 << 20, "1.5GB": 15e8, "0B": 0, "7B": 7, "2kB": 2000, "3KiB": 3072, "1TiB": 1 << 40} {
		if got, ok := Size(text); !ok || got != want {
			t.Errorf("%s is %d, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "5", "B", "-1B", "NaNB", "InfGB", "1e300TiB", "5 MB", "5mb", "MiB"} {
		if got, ok := Size(text); ok {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]float64{"20Mbit": 20e6, "2MB": 16e6, "1.5Gbit": 15e8, "9bit": 9, "64kbit": 64e3, "1GB": 8e9, "1kB": 8e3} {
		if got, ok := Rate(text); !ok || got != want {
			t.Errorf("%s is %g, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "5", "bit", "0Mbit", "-1Mbit", "NaNbit", "InfGbit", "1e300Gbit", "fast"} {
		if got, ok := Rate(text); ok {
			t.Errorf("%q is taken for %g", text, got)
		}
	}
}

func TestForPeople(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 3 << 29: "1.5 GiB", 1 << 62: "4096.0 PiB"} {
		if got := IEC(bytes); got != want {
			t.Errorf("%d B are shown as %s, not %s", bytes, got, want)
		}
	}
	for bits, want := range map[float64]string{0: "0 bit/s", 999: "999 bit/s", 1000: "1.0 kbit/s", 19.96e6: "20.0 Mbit/s", 3e15: "3000.0 Tbit/s"} {
		if got := Bitrate(bits); got != want {
			t.Errorf("%g bit/s are shown as %s, not %s", bits, got, want)
		}
	}
}
