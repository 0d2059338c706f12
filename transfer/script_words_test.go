// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The words of a story: how its sizes, ids, bytes and settings are written.

func (th *theatre) config(who string, args []string) Config {
	c := Config{Hello: Hello{Peer: who}}
	for _, a := range args {
		key, v, _ := strings.Cut(a, "=")
		var err error
		switch key {
		case "peer":
			c.Hello.Peer = v
		case "inbox":
			c.MaxInbox = th.size(v)
		case "serve":
			c.MaxServe = th.size(v)
		case "wants":
			c.MaxWants = int(th.number(v))
		case "interests":
			c.MaxInterests = int(th.number(v))
		case "ping":
			c.PingEvery, err = time.ParseDuration(v)
		case "idle":
			c.IdleTimeout, err = time.ParseDuration(v)
		case "stall":
			c.StallAfter, err = time.ParseDuration(v)
		case "versions":
			low, high, _ := strings.Cut(v, "-")
			c.Hello.MinVersion, c.Hello.MaxVersion = uint16(th.number(low)), uint16(th.number(high))
		case "can":
			c.Hello.Capabilities = strings.Split(v, ",")
		case "sees":
			c.Hello.Observed, err = netip.ParseAddrPort(v)
		default:
			th.t.Fatalf("no such key: %s", key)
		}
		th.check(err)
	}
	return c
}

func (th *theatre) check(err error) {
	if err != nil {
		th.t.Fatal(err)
	}
}

func (th *theatre) number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	th.check(err)
	return uint32(n)
}

func (th *theatre) size(s string) int {
	for unit, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
		if digits, ok := strings.CutSuffix(s, unit); ok {
			return int(th.number(digits)) * factor
		}
	}
	return int(th.number(s))
}

// id of two hex digits is these over and over.
func (th *theatre) id(s string) (id ID) {
	b, err := hex.DecodeString(s)
	th.check(err)
	copy(id[:], bytes.Repeat(b, len(id)))
	return id
}

func (th *theatre) run(s string) Run {
	first, count, _ := strings.Cut(s, "+")
	return Run{First: th.number(first), Count: th.number(count)}
}

func (th *theatre) bytes(s string) []byte { return unhex(th.t, s) }

// unhex reads bytes in hex, in groups joined by dots; xx*N is N bytes of xx.
func unhex(t *testing.T, s string) (b []byte) {
	for group := range strings.SplitSeq(s, ".") {
		digits, times, repeated := strings.Cut(group, "*")
		part, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		if repeated {
			n, err := strconv.Atoi(times)
			if err != nil {
				t.Fatal(err)
			}
			part = bytes.Repeat(part, n)
		}
		b = append(b, part...)
	}
	return b
}

// bytesOf is what the chunk or manifest of that id has in the tests: no two places look alike.
func bytesOf(id ID, size int) []byte {
	b := make([]byte, size)
	state := uint32(id[0])<<8 | uint32(id[1]) | 1
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	return b
}
