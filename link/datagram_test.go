// SPDX-License-Identifier: Apache-2.0

package link

import (
	"net/netip"
	"testing"
)

func TestFlowsDiffer(t *testing.T) {
	seen := map[uint32]string{}
	for _, from := range []string{"192.0.2.1:1000", "192.0.2.2:1000", "192.0.2.1:1001", "[2001:db8::1]:1000", "192.0.2.1:256", "192.0.2.1:1"} {
		for _, to := range []string{"198.51.100.1:1000", "192.0.2.1:1000", "192.0.2.2:1000", "[2001:db8::2]:1000"} {
			f := FlowOf(netip.MustParseAddrPort(from), netip.MustParseAddrPort(to))
			if other, ok := seen[f]; ok {
				t.Errorf("%s to %s is the same flow as %s", from, to, other)
			}
			seen[f] = from + " to " + to
		}
	}
	FlowOf(netip.AddrPort{}, netip.AddrPort{})
}

func TestCodepointsSayTheirNames(t *testing.T) {
	for e, want := range map[ECN]string{NotECT: "Not-ECT", ECT0: "ECT(0)", ECT1: "ECT(1)", CE: "CE", 7: "ECN 7"} {
		if e.String() != want {
			t.Errorf("%v, want %s", e, want)
		}
	}
}
