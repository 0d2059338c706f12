// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"testing"
	"time"
)

// What hosts say again, also after a restart, is no news; one host more is.
func TestWholesCountEachHostOnce(t *testing.T) {
	at := func(minutes int) time.Time { return time.Unix(int64(60*minutes), 0).UTC() }
	p, w := Place{Location: "berlin"}, NewWholes()
	if x, news := w.Held(at(1), p, "a"); !news || x.Hosts != 1 || x.First != at(1) || x.Last != at(1) {
		t.Errorf("%+v %t", x, news)
	}
	if _, news := w.Held(at(2), p, "a"); news {
		t.Error("said again, it is news")
	}
	kept, _ := w.Held(at(3), p, "b")
	w = NewWholes()
	w.Restore(kept)
	for i, peer := range []string{"b", "a"} {
		if x, news := w.Held(at(10+i), p, peer); news || x != kept {
			t.Errorf("after a restart %s is news: %+v", peer, x)
		}
	}
	if x, news := w.Held(at(20), p, "c"); !news || x.Hosts != 3 || x.First != at(1) || x.Last != at(20) || w.At(p) != x || w.At(Place{Location: "oslo"}).Hosts != 0 {
		t.Errorf("%+v %t", x, news)
	}
}
