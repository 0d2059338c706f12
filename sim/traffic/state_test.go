// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"strings"
	"testing"
)

// A state is one line that says what a reader looks for.
func TestStatesAreOneLine(t *testing.T) {
	l := line{mbit: 20, rtt: 40 * ms, bdp: 1}
	said := func(what fmt.Stringer, words ...string) {
		t.Helper()
		got := what.String()
		t.Log(got)
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("%q does not say %q", got, w)
			}
		}
		if strings.Contains(got, "\n") || strings.Contains(got, "%!") {
			t.Errorf("%q", got)
		}
	}
	for _, c := range []struct{ control, words string }{
		{"reno", "reno window"}, {"cubic", "maximum"}, {"bbr", "ProbeBW x1.00, 20.00 Mbit/s, 40.6ms since"}, {"copa", "alone, 1/delta 2.0"},
	} {
		_, _, s := share(l, 5*sec, Config{Control: c.control})
		said(s[0], c.words, "open", "in flight", "0 timeouts")
	}
	s, r := NewTCP(Config{Control: "cubic", Bytes: 100_000})
	said(s, "cubic window 10.0, slow start", "open, 0 in flight")
	alone(l, sec, s, r)
	said(s, "done at 144", "70 segments")
	said(r, "100000 bytes, segments below 70")

	pages, browser := NewPages(PageConfig{Control: "cubic", Think: 10 * sec})
	said(pages, "0 pages, the next at 0s")
	alone(l, 100*ms, pages, browser)
	said(pages, "0 pages, 30 objects to come since 0s")
	said(browser, "1 slots")
	talker, listener := NewCall(CallConfig{Stop: sec})
	alone(l, 2*sec, talker, listener)
	said(talker, "50 packets")
	said(listener, "8000 of 8000 bytes")
}
