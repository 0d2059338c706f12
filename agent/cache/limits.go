// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ebbproject/ebb/units"
)

// Limits of what is kept. The zero value sets none.
type Limits struct {
	MaxSize  Amount        // the quota; the zero Amount: none
	MinFree  Amount        // the floor; the zero Amount: none
	MaxAge   time.Duration // of a content that is not used; 0: any
	Replicas int           // copies that a location keeps while it can; 0 counts as 1
	Apart    bool          // contents may have an age of their own: Item.Age
}

// Default is a fifth of the disk for us, a tenth of it and at least 5 GiB left free, and seven days.
func Default() Limits {
	return Limits{MaxSize: Amount{Percent: 20}, MinFree: Amount{Percent: 10, Bytes: 5 << 30}, MaxAge: 7 * 24 * time.Hour, Replicas: 1}
}

// Amount is a size: a number of bytes, or a part of the volume, or the larger of both.
type Amount struct {
	Percent float64 // 0 to 100
	Bytes   int64
}

// IsZero reports whether the amount sets no limit.
func (a Amount) IsZero() bool { return a == Amount{} }

// Of is the amount in bytes on a volume of that size.
func (a Amount) Of(total int64) int64 { return max(a.Bytes, int64(float64(total)/100*a.Percent)) }

// String is the form that is read, and for both "10% or 5GiB, the larger".
func (a Amount) String() string {
	percent := strconv.FormatFloat(a.Percent, 'f', -1, 64) + "%"
	switch {
	case a.Bytes == 0:
		return percent
	case a.Percent == 0:
		return bytesText(a.Bytes)
	}
	return fmt.Sprintf("%s or %s, the larger", percent, bytesText(a.Bytes))
}

// bytesText writes a size in the largest unit that leaves no fraction.
func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// ErrLimit reports a text that is no limit.
var ErrLimit = errors.New("is no limit of the cache")

func bad(key, text, want string) error {
	return fmt.Errorf("%s %q %w: want %s", key, text, ErrLimit, want)
}

// ParseMaxSize reads cache.max_size: 20%, 50GiB or none.
func ParseMaxSize(text string) (Amount, error) {
	return parseAmount("cache.max_size", text, "none", "a part of the disk such as 20%, a size such as 50GiB, or none")
}

// ParseMinFree reads cache.min_free: 10%, 5GiB or off.
func ParseMinFree(text string) (Amount, error) {
	return parseAmount("cache.min_free", text, "off", "a part of the disk such as 10%, a size such as 5GiB, or off")
}

// parseAmount takes more than nothing, so that 0 means neither everything nor nothing: for that there is the word.
func parseAmount(key, text, word, want string) (Amount, error) {
	if text == word {
		return Amount{}, nil
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(number, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return Amount{}, bad(key, text, want)
		}
		return Amount{Percent: p}, nil
	}
	n, ok := units.Size(text)
	if !ok || n < 1 {
		return Amount{}, bad(key, text, want)
	}
	return Amount{Bytes: n}, nil
}

const day = 24 * time.Hour

// ParseMaxAge reads cache.max_age: 7d, 36h or none.
func ParseMaxAge(text string) (time.Duration, error) {
	const want = "days such as 7d, a duration such as 36h, or none"
	if text == "none" {
		return 0, nil
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n < 1 || n > int64(math.MaxInt64/day) {
			return 0, bad("cache.max_age", text, want)
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, bad("cache.max_age", text, want)
	}
	return d, nil
}

// MaxReplicas bounds the copies that a location may be asked to keep.
const MaxReplicas = 64

// ParseReplicas reads cache.replicas: 1 to MaxReplicas.
func ParseReplicas(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxReplicas {
		return 0, bad("cache.replicas", text, fmt.Sprintf("a number of copies from 1 to %d", MaxReplicas))
	}
	return n, nil
}
