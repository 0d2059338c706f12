// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"errors"
	"testing"

	"github.com/ebbproject/ebb/content"
)

func TestSelectorText(t *testing.T) {
	for _, x := range []struct {
		s    Selector
		text string
	}{
		{Selector{}, "all"}, {Selector{Location: "berlin"}, "location=berlin"},
		{Selector{Content: "a+b", Type: "os-image", Location: "x", Peer: "00000000000000aa"},
			"content=a+b,type=os-image,location=x,peer=00000000000000aa"},
	} {
		if x.s.String() != x.text {
			t.Errorf("%q, want %q", x.s, x.text)
		}
		if got, err := ParseSelector(x.text); err != nil || got != x.s {
			t.Errorf("%q: %+v, %v", x.text, got, err)
		}
	}
	for _, bad := range []string{"", "ALL", "all,all", "location", "location=", "location=Berlin", "location=b,type=t", "peer=1", "type=t,type=t", "type=a/b\x00",
		"region=x", " all", "type=t,"} {
		if s, err := ParseSelector(bad); !errors.Is(err, ErrSelector) {
			t.Errorf("%q is %+v, %v", bad, s, err)
		}
	}
}

func FuzzSelector(f *testing.F) {
	f.Add("all")
	f.Add("content=a+b,type=t,location=l,peer=0123456789abcdef")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSelector(text); err == nil && (s.String() != text || s.Valid() != nil) {
			t.Errorf("%q is accepted and means %q", text, s)
		}
	})
}

func TestSelectorPicks(t *testing.T) {
	id := content.Sum([]byte("x"))
	x := Subject{Location: "berlin", Peer: berlin.Peer, Content: id, Name: "image", Type: "os"}
	for _, s := range []Selector{{}, {Content: "image"}, {Content: id.String()}, {Type: "os"}, {Location: "berlin"}, {Peer: berlin.Peer},
		{Content: "image", Type: "os", Location: "berlin", Peer: berlin.Peer}} {
		if !s.Picks(x) {
			t.Errorf("%q does not pick it", s)
		}
	}
	for _, s := range []Selector{{Content: "other"}, {Type: "app"}, {Location: "oslo"}, {Peer: oslo.Peer}, {Type: "os", Location: "oslo"}} {
		if s.Picks(x) {
			t.Errorf("%q picks it", s)
		}
	}
	if s := (Selector{Location: "oslo"}); s.Concerns(berlin) || !s.Concerns(oslo) {
		t.Error("whom it concerns")
	}
}
