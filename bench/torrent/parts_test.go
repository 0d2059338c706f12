// SPDX-License-Identifier: Apache-2.0

package torrent

import (
	"bytes"
	"crypto/sha1"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// BEP 3: "Strings are length-prefixed base ten followed by a colon and the string", "Integers are represented by an 'i' followed by the
// number in base 10 followed by an 'e'", "Keys must be strings and appear in sorted order".
func TestMetainfo(t *testing.T) {
	content := bytes.Repeat([]byte("x"), pieceSize+1)
	text, err := metainfo(bytes.NewReader(content), "c", "http://t/")
	if err != nil {
		t.Fatal(err)
	}
	one, two := sha1.Sum(content[:pieceSize]), sha1.Sum(content[:1])
	info := "d6:lengthi262145e4:name1:c12:piece lengthi262144e6:pieces40:" + string(one[:]) + string(two[:]) + "7:privatei1ee"
	if text != "d8:announce9:http://t/4:info"+info+"e" {
		t.Errorf("%q", text)
	}
}

func TestTheTrackerTellsOthers(t *testing.T) {
	k := &tracker{peers: map[netip.AddrPort]bool{}, news: make(chan struct{})}
	announce := func(from, query string) string {
		r := httptest.NewRequest("GET", "/announce?"+query, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		k.announce(w, r)
		return w.Body.String()
	}
	if got := announce("10.99.0.1:40000", "port=6881&left=0"); !strings.HasSuffix(got, "5:peers0:e") {
		t.Errorf("%q", got)
	}
	if err := k.complete(t.Context(), 1, time.Minute); err != nil {
		t.Error(err)
	}
	if err := k.complete(t.Context(), 2, 0); err == nil || !strings.HasPrefix(err.Error(), "1 of 2 clients") {
		t.Error(err)
	}
	if got := announce("10.99.0.2:40000", "port=258&left=7"); !strings.HasSuffix(got, "5:peers6:\x0a\x63\x00\x01\x1a\xe1e") {
		t.Errorf("%q", got)
	}
	if got := announce("10.99.0.1:40000", "port=6881&left=0"); !strings.HasSuffix(got, "5:peers6:\x0a\x63\x00\x02\x01\x02e") {
		t.Errorf("%q", got)
	}
	k.forget(netip.MustParseAddrPort("10.99.0.2:258"))
	if got := announce("10.99.0.1:40000", "port=6881&left=0"); !strings.HasSuffix(got, "5:peers0:e") {
		t.Errorf("%q", got)
	}
	if got := announce("10.99.0.1:40000", "left=0"); !strings.Contains(got, "who?") {
		t.Errorf("%q", got)
	}
}
