// SPDX-License-Identifier: Apache-2.0

package sites

import "testing"

const head = "unix_ns,forward_queue_us,forward_bytes,forward_packets,forward_dropped,forward_late\n"

func TestTheLogIsReadToItsLastWholeLine(t *testing.T) {
	for _, c := range []struct {
		log  string
		want carried
	}{
		{"", carried{}},
		{head, carried{}},
		{head + "1,0,5,1,0,0", carried{}},
		{head + "1,0,1500,1,0,0\n", carried{1500, 1}},
		{head + "1,0,1500,1,0,0\n2,0,3000,2,0,0\n3,0,45", carried{3000, 2}},
	} {
		if got, err := parseCarried([]byte(c.log)); err != nil || got != c.want {
			t.Errorf("%q: %v, %v, want %v", c.log, got, err, c.want)
		}
	}
}

func TestALogOfSomethingElseIsRefused(t *testing.T) {
	for _, log := range []string{"a,b\n1,2\n", head + "1,2,3\n", head + "1,0,x,1,0,0\n"} {
		if got, err := parseCarried([]byte(log)); err == nil {
			t.Errorf("%q: %v", log, got)
		}
	}
}
