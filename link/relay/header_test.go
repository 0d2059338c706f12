// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
)

func TestHeaderBytes(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:258":        "00000001" + "7f000001" + "0102",
		"[::ffff:127.0.0.1]:1": "00000001" + "7f000001" + "0001",
		"[::1]:65535":          "00000004" + "00000000000000000000000000000001" + "ffff",
	} {
		got := AppendHeader([]byte("before"), netip.MustParseAddrPort(addr))
		if hex.EncodeToString(got) != hex.EncodeToString([]byte("before"))+want {
			t.Errorf("%s: %x, want %s", addr, got[6:], want)
		}
	}
}

func TestHeadersRefused(t *testing.T) {
	for name, b := range map[string]string{
		"empty":              "",
		"short":              "000000017f00000101",
		"reserved first":     "010000017f0000010102",
		"reserved second":    "000100017f0000010102",
		"fragment":           "000001017f0000010102",
		"domain name":        "0000000309" + "6c6f63616c686f7374" + "0102",
		"unknown type":       "000000007f0000010102",
		"port 0":             "000000017f0000010000",
		"short IPv6":         "00000004000000000000000000000000000000010f",
		"IPv4 in IPv6":       "0000000400000000000000000000ffff7f0000010102",
		"port 0 behind IPv6": "00000004000000000000000000000000000000010000",
	} {
		in, err := hex.DecodeString(b)
		if err != nil {
			t.Fatal(err)
		}
		if addr, _, err := ParseHeader(in); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: accepted as %v (%v)", name, addr, err)
		}
	}
}

// What is accepted is what AppendHeader writes, to the byte.
func FuzzParseHeader(f *testing.F) {
	for _, addr := range []string{"127.0.0.1:1", "[::1]:65535", "192.0.2.1:53"} {
		f.Add(append(AppendHeader(nil, netip.MustParseAddrPort(addr)), "payload"...))
		f.Add(AppendHeader(nil, netip.MustParseAddrPort(addr)))
	}
	f.Add([]byte{0, 0, 0, 3, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 1, 2})
	f.Add([]byte{0, 0, 1, 1, 127, 0, 0, 1, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, payload, err := ParseHeader(b)
		if err != nil {
			if !errors.Is(err, ErrHeader) || payload != nil || addr.IsValid() {
				t.Fatalf("%v with %v and %d bytes", err, addr, len(payload))
			}
			return
		}
		if !addr.IsValid() || addr.Port() == 0 {
			t.Fatalf("accepted the address %v", addr)
		}
		if again := append(AppendHeader(nil, addr), payload...); !bytes.Equal(again, b) {
			t.Fatalf("%x was read as %v, which is written %x", b, addr, again)
		}
	})
}
