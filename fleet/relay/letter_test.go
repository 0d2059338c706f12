// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"
)

func certificate(t testing.TB) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: noon.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func TestLetters(t *testing.T) {
	der, key := certificate(t)
	for _, report := range [][]byte{nil, []byte("news"), make([]byte, MaxReport)} {
		raw, err := Seal(7, report, der, key)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(raw, x509.ParseCertificate)
		if err != nil || l.Seq != 7 || !bytes.Equal(l.Report, report) || !bytes.Equal(l.Certificate.Raw, der) {
			t.Errorf("%+v, %v", l.Seq, err)
		}
		for _, i := range []int{0, len(letterMagic) + 7, len(letterMagic) + 20, len(raw) - 1} {
			wrong := bytes.Clone(raw)
			wrong[i] ^= 1
			if _, err := Open(wrong, x509.ParseCertificate); !errors.Is(err, ErrLetter) {
				t.Errorf("octet %d changed: %v", i, err)
			}
		}
		if _, err := Open(raw[:len(raw)/2], x509.ParseCertificate); !errors.Is(err, ErrLetter) {
			t.Errorf("half of it: %v", err)
		}
	}
	if _, err := Seal(7, make([]byte, MaxReport+1), der, key); !errors.Is(err, ErrLetter) {
		t.Error(err)
	}
	if _, err := Open(make([]byte, 100<<20), x509.ParseCertificate); !errors.Is(err, ErrLetter) {
		t.Error(err)
	}
	_, other := certificate(t)
	raw, err := Seal(7, []byte("news"), der, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(raw, x509.ParseCertificate); !errors.Is(err, ErrLetter) {
		t.Errorf("under the seal of another: %v", err)
	}
}

func FuzzLetter(f *testing.F) {
	der, key := certificate(f)
	raw, err := Seal(1, []byte("news"), der, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(letterMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if l, err := Open(raw, x509.ParseCertificate); err == nil && len(l.Report) > MaxReport {
			t.Error("a report that is too long")
		}
	})
}
