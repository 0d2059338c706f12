// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"testing"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
)

// Hosts of one location hear who of them keeps a content; other locations do not count, nor what makes no sense.
func TestHostsHearWhoKeepsWhat(t *testing.T) {
	w := newWorld(t)
	_, one := w.host("berlin")
	_, two := w.host("berlin")
	_, oslo := w.host("oslo")
	r := fleet.CopiesRequest{Kept: []content.ID{content.Sum([]byte("x"))}, Replicas: 1}
	ahead := func(c *client.Client) int {
		t.Helper()
		reply, err := c.Copies(context.Background(), r)
		w.must(err)
		if len(reply.Ahead) != 1 || len(reply.Fetch) != 0 {
			t.Fatalf("%+v", reply)
		}
		return reply.Ahead[0]
	}
	if n := ahead(one); n != 0 {
		t.Errorf("alone: %d", n)
	}
	ahead(two)
	if n := ahead(oslo); n != 0 {
		t.Errorf("in oslo: %d", n)
	}
	if n := ahead(one) + ahead(two); n != 1 {
		t.Errorf("of two, %d come second", n)
	}
	for _, bad := range []fleet.CopiesRequest{{}, {Replicas: -1}} {
		if _, err := one.Copies(context.Background(), bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
