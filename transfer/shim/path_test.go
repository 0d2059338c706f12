// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"testing"
	"time"
)

// A controller at its floor has two or three datagrams under way, and a full buffer takes them all: that is no black hole. One that stays takes
// as many the next time.
func TestAFewLostAreNoBlackHole(t *testing.T) {
	p := path{full: 1440}
	p.landed(1440)
	p.landed(100)
	for range 2 {
		for range 3 {
			if p.limit() != 1440 {
				t.Fatalf("narrow with %d lost", p.bigLost)
			}
			p.lost(time.Second, 1440)
		}
		p.darken(2 * time.Second)
	}
	if p.limit() != floorSize {
		t.Errorf("%v with %d lost in two timeouts", &p, p.bigLost)
	}
	p.landed(1440)
	if p.limit() != 1440 {
		t.Errorf("%v though one of full size has arrived", &p)
	}
}
