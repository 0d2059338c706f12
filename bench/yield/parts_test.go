// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"strings"
	"testing"
	"time"
)

func TestUnknownNamesAreRefused(t *testing.T) {
	for _, name := range []string{"eb", "tcp", "aria2:fast", ""} {
		if _, err := Run(t.Context(), Options{Backgrounds: []string{name}}); err == nil || !strings.Contains(err.Error(), "there are ebb, ") {
			t.Errorf("background %q: %v", name, err)
		}
	}
	if _, err := Run(t.Context(), Options{Scenarios: []string{"dls"}}); err == nil || !strings.Contains(err.Error(), "there are dsl, ") {
		t.Error(err)
	}
	for _, name := range Backgrounds() {
		if _, err := newBackground(&Options{}, name); err != nil {
			t.Error(err)
		}
	}
}

func TestTheLinksLogIsRead(t *testing.T) {
	const log = "unix_ns,forward_queue_us,forward_bytes,forward_packets,forward_drops,forward_late\n" +
		"1000000000,1500,2000,2,0,0\n1010000000,0,12000,10,1,5\n10200"
	r, err := parseReadings([]byte(log))
	if err != nil || len(r) != 2 || r[0] != (reading{at: time.Unix(1, 0), queue: 1500 * time.Microsecond, bytes: 2000, packets: 2}) || r.late() != 50 {
		t.Errorf("%+v %v", r, err)
	}
	for _, bad := range []string{"", "unix_ns\n1\n", strings.Replace(log, "1500", "x", 1), strings.Replace(log, ",1500", "", 1)} {
		if _, err := parseReadings([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
