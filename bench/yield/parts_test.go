// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"bytes"
	"crypto/sha1"
	"net/http/httptest"
	"net/netip"
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
	k := &tracker{peers: map[netip.AddrPort]bool{}, seeded: make(chan struct{})}
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
	if err := k.seed(t.Context()); err != nil {
		t.Error(err)
	}
	if got := announce("10.99.0.2:40000", "port=258&left=7"); !strings.HasSuffix(got, "5:peers6:\x0a\x63\x00\x01\x1a\xe1e") {
		t.Errorf("%q", got)
	}
	if got := announce("10.99.0.1:40000", "port=6881&left=0"); !strings.HasSuffix(got, "5:peers6:\x0a\x63\x00\x02\x01\x02e") {
		t.Errorf("%q", got)
	}
	k.forget(netip.MustParseAddr("10.99.0.2"))
	if got := announce("10.99.0.1:40000", "port=6881&left=0"); !strings.HasSuffix(got, "5:peers0:e") {
		t.Errorf("%q", got)
	}
	if got := announce("10.99.0.1:40000", "left=0"); !strings.Contains(got, "who?") {
		t.Errorf("%q", got)
	}
}
