// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// enrolled is a host of a fleet that was made for it, not yet saved.
func enrolled(t testing.TB, dir string) *Node {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	caTemplate := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: begin.AddDate(10, 0, 0), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, caTemplate, caTemplate, caKey.Public(), caKey)
	must(err)
	ca, err := x509.ParseCertificate(der)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	id := fleet.Identity{Fleet: "0123456789abcdef", Role: fleet.RoleAgent, Location: "oslo", Peer: "fedcba9876543210"}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: begin, NotAfter: begin.AddDate(0, 0, 90),
		URIs: []*url.URL{id.URI()}}, ca, key.Public(), caKey)
	must(err)
	return &Node{Dir: dir, Certificate: tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key}, CA: ca, HubAddr: "hub.example:8732",
		Hub:        fleet.Member{Peer: "0123456789abcdef", Role: fleet.RoleHub, Location: "hub", Lan: "192.0.2.1:8732", Wan: "192.0.2.1:8732"},
		Publishers: []ed25519.PublicKey{make([]byte, 32)}}
}

func TestEnrolmentIsReadAsItWasWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	if _, err := Load(dir); !errors.Is(err, ErrNotEnrolled) || Exists(dir) {
		t.Fatalf("nothing is there: %v", err)
	}
	n := enrolled(t, dir)
	if err := n.Save(); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil || !Exists(dir) {
		t.Fatal(err)
	}
	if got.Identity.Peer != "fedcba9876543210" || !reflect.DeepEqual(got.Identity, n.Identity) || !reflect.DeepEqual(got.Publishers, n.Publishers) ||
		!reflect.DeepEqual(got.Hub, n.Hub) || got.HubAddr != n.HubAddr || !got.CA.Equal(n.CA) || !got.Roots.Equal(n.Roots) {
		t.Errorf("got %+v\nwant %+v", got, n)
	}
	if key := n.Certificate.PrivateKey.(*ecdsa.PrivateKey); !key.Equal(got.Certificate.PrivateKey) || !got.Certificate.Leaf.Equal(n.Certificate.Leaf) {
		t.Error("another key or certificate")
	}
}

func TestOnlyTheOwnerReadsTheKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such permissions")
	}
	dir := filepath.Join(t.TempDir(), "state")
	if err := enrolled(t, dir).Save(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, fileName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %o", path, info.Mode(), err, want)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v, %v: more than the one file", list, err)
	}
}

// An enrolment that cannot be written leaves the old one, and nothing else.
func TestSaveIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	n := enrolled(t, dir)
	if err := n.Save(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	bad := enrolled(t, dir)
	bad.CA = n.CA
	if err := bad.Save(); err == nil {
		t.Error("a certificate of another CA was saved")
	}
	bad = enrolled(t, dir)
	_, bad.Certificate.PrivateKey, _ = ed25519.GenerateKey(nil)
	if err := bad.Save(); err == nil || !strings.Contains(err.Error(), "ed25519.PrivateKey") {
		t.Errorf("a key of another kind: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, fileName)); err != nil || string(after) != string(before) {
		t.Errorf("the enrolment changed, %v", err)
	}

	// Renaming onto a folder fails at the last step.
	target := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(target, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(target, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}
}

func TestWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Writable(dir); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("%v, %v are left", list, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Writable(filepath.Join(file, "state")); err == nil {
		t.Error("a file is no place for a state directory")
	}
}

// A damaged enrolment is named, and what to do about it.
func TestDamagedEnrolment(t *testing.T) {
	dir := t.TempDir()
	if err := enrolled(t, dir).Save(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(good, &doc); err != nil {
		t.Fatal(err)
	}
	other := enrolled(t, dir)
	for field, value := range map[string]any{"ca": other.CA.Raw, "certificate": other.Certificate.Certificate[0], "key": "AAAA", "publishers": []string{"x"}} {
		was := doc[field]
		doc[field] = value
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		doc[field] = was
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := Load(dir); err == nil || n != nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--again") {
			t.Errorf("with another %s: %v", field, err)
		}
	}
	for _, cut := range []int{0, 1, len(good) / 2, len(good) - 3} {
		if err := os.WriteFile(path, good[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || errors.Is(err, ErrNotEnrolled) || !Exists(dir) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func TestDueAfterTwoThirds(t *testing.T) {
	n := enrolled(t, t.TempDir())
	if err := n.Save(); err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]bool{-1: false, 0: false, 59: false, 61: true, 91: true} {
		if got := n.Due(begin.AddDate(0, 0, days)); got != want {
			t.Errorf("after %d of 90 days: %v", days, got)
		}
	}
}

func FuzzEnrolment(f *testing.F) {
	dir := f.TempDir()
	if err := enrolled(f, dir).Save(); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"publishers":["` + content.MarshalPublisherKey(make([]byte, 32)) + `"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parse(b); err == nil && (n.Certificate.Leaf == nil || n.Roots == nil || n.Identity.Peer == "") {
			t.Errorf("accepted, but not whole: %+v", n)
		}
	})
}
