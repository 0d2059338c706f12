// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
)

var someone = Identity{Fleet: "0123456789abcdef", Role: RoleAgent, Location: "berlin-1.floor_2", Peer: "fedcba9876543210"}

func TestIdentityText(t *testing.T) {
	text := someone.String()
	if text != "ebb://0123456789abcdef/agent/berlin-1.floor_2/fedcba9876543210" {
		t.Fatal(text)
	}
	for _, bad := range []string{"", "ebb://", strings.ToUpper(text), strings.Replace(text, "ebb:", "http:", 1), text + "/", text + "?", text + "?a=b",
		text + "#x", strings.Replace(text, "//", "//user@", 1), strings.Replace(text, "f/agent", "f:80/agent", 1),
		strings.Replace(text, "agent", "boss", 1), strings.Replace(text, "berlin", "%62erlin", 1), strings.Replace(text, "berlin-1", "..", 1),
		strings.Replace(text, "berlin", "Berlin", 1), text[:len(text)-1], text + "0", "ebb:opaque"} {
		u, err := url.Parse(bad)
		if err != nil {
			continue
		}
		if id, err := ParseIdentity(u); !errors.Is(err, ErrIdentity) {
			t.Errorf("%q: %v, %v", bad, id, err)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add(someone.String())
	f.Add("ebb://0123456789abcdef/hub/x/0123456789abcdef?")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil {
			return
		}
		id, err := ParseIdentity(u)
		if err != nil {
			return
		}
		if again, err := ParseIdentity(id.URI()); err != nil || again != id {
			t.Errorf("%q is %v, and that is %v, %v", s, id, again, err)
		}
		if u.String() != id.String() {
			t.Errorf("%q is accepted and means %q", s, id)
		}
	})
}

func TestCertificateNamesOneIdentity(t *testing.T) {
	other := someone
	other.Location = "oslo"
	for _, uris := range [][]*url.URL{nil, {someone.URI(), other.URI()}, {{Scheme: "https", Host: "example"}}} {
		if id, err := IdentityOf(&x509.Certificate{URIs: uris}); !errors.Is(err, ErrIdentity) {
			t.Errorf("%v: %v, %v", uris, id, err)
		}
	}
	if id, err := IdentityOf(&x509.Certificate{URIs: []*url.URL{someone.URI()}}); err != nil || id != someone {
		t.Errorf("%v, %v", id, err)
	}
}

func TestLocationNames(t *testing.T) {
	for _, good := range []string{"a", "0", "berlin", "de-berlin_1.x", strings.Repeat("a", 63)} {
		if err := ValidLocation(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "-a", "_", "Berlin", "a b", "a/b", "köln", "a\x00", strings.Repeat("a", 64)} {
		if err := ValidLocation(bad); !errors.Is(err, ErrLocation) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
