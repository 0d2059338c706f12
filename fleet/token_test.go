// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func token(n byte) Token {
	t := Token{}
	t.Secret[0], t.CA[31] = n, n
	return t
}

func TestTokenText(t *testing.T) {
	want := token(7)
	text := want.String()
	if got, err := ParseToken(text); err != nil || got != want {
		t.Fatalf("%s: %v, %v", text, got, err)
	}
	for _, bad := range []string{"", "ebb1-", "ebb1--", text[:len(text)-1], text + "0", " " + text, text + "\n", strings.ToUpper(text),
		strings.Replace(text, "ebb1", "ebb2", 1), strings.Replace(text, "a", "8", 1), strings.Replace(text, "-", "", 2),
		strings.Replace(text, "aaaa-", "aaab-", 1)} {
		if _, err := ParseToken(bad); !errors.Is(err, ErrTokenFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(token(1).String())
	f.Add("ebb1-aaaaaaaaaaaaaaaaaaaaaaaaaa-00")
	f.Fuzz(func(t *testing.T, s string) {
		if token, err := ParseToken(s); err == nil && token.String() != s {
			t.Errorf("%q is accepted and means %q", s, token)
		}
	})
}

// The hub never needs the token again: what it keeps is the hash of the secret alone.
func TestTokenHash(t *testing.T) {
	a, b := token(1), token(1)
	b.CA[0]++
	if a.Hash() != b.Hash() || a.Hash() == token(2).Hash() {
		t.Error("the hash is not that of the secret")
	}
}

func TestTokenLetsOneHostIn(t *testing.T) {
	b := NewTokenBook([]TokenState{{Hash: token(1).Hash(), Expires: morning.Add(time.Hour), Location: "oslo"}})
	b.Issued(TokenState{Hash: token(2).Hash(), Expires: morning.Add(time.Hour)})
	for _, x := range []struct {
		what     string
		token    byte
		after    time.Duration
		location string
		want     error
	}{
		{"not issued here", 9, 0, "oslo", ErrTokenUnknown},
		{"for another location", 1, 0, "rome", ErrTokenLocation},
		{"refusing it has not used it up", 1, time.Minute, "oslo", nil},
		{"twice", 1, time.Minute, "oslo", ErrTokenUsed},
		{"used stays used when it has expired too", 1, 2 * time.Hour, "oslo", ErrTokenUsed},
		{"in the very moment of expiry", 2, time.Hour, "rome", ErrTokenExpired},
		{"any location, just in time", 2, time.Hour - 1, "rome", nil},
	} {
		_, err := b.Redeem(morning.Add(x.after), token(x.token).Hash(), x.location)
		if !errors.Is(err, x.want) || (x.want == nil) != (err == nil) {
			t.Errorf("%s: %v, want %v", x.what, err, x.want)
		}
	}
}

func TestTokensAreForgottenLate(t *testing.T) {
	b := NewTokenBook(nil)
	for n := range byte(3) {
		b.Issued(TokenState{Hash: token(n).Hash(), Expires: morning.Add(time.Duration(n) * time.Hour)})
	}
	if gone := b.Forget(morning.Add(keepTokens)); len(gone) != 0 {
		t.Errorf("forgotten early: %v", gone)
	}
	if gone := b.Forget(morning.Add(keepTokens + 90*time.Minute)); len(gone) != 2 {
		t.Errorf("forgotten: %v", gone)
	}
	if _, err := b.Redeem(morning, token(0).Hash(), "x"); !errors.Is(err, ErrTokenUnknown) {
		t.Errorf("forgotten and redeemed at a clock that went back: %v", err)
	}
	if gone := b.Forget(morning.Add(10 * keepTokens)); len(gone) != 1 {
		t.Errorf("left: %v", gone)
	}
}

// Whatever hosts, disk, clock and power do, in any order: a token lets at most one host in, and only one that came in time
// and to the right place.
func TestTokenIsRedeemedAtMostOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := map[[32]byte]TokenState{}
		pending := map[[32]byte]TokenState{} // redeemed, on its way to the disk
		let := map[[32]byte]int{}
		book, now := NewTokenBook(nil), morning
		anyToken := rapid.Map(rapid.ByteRange(0, 4), func(n byte) [32]byte { return token(n).Hash() })
		t.Repeat(map[string]func(*rapid.T){
			"issue": func(t *rapid.T) {
				s := TokenState{Hash: anyToken.Draw(t, "token"), Location: rapid.SampledFrom([]string{"", "oslo"}).Draw(t, "for"),
					Expires: now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "minutes")) * time.Minute)}
				if _, known := disk[s.Hash]; known {
					t.Skip("secrets are random: none comes twice")
				}
				disk[s.Hash] = s
				book.Issued(s)
			},
			"redeem": func(t *rapid.T) {
				hash, at := anyToken.Draw(t, "token"), rapid.SampledFrom([]string{"oslo", "rome"}).Draw(t, "at")
				s, err := book.Redeem(now, hash, at)
				if err != nil {
					return
				}
				issued := disk[hash]
				if s.Hash != hash || !now.Before(issued.Expires) || issued.Location != "" && issued.Location != at {
					t.Fatalf("%v let in at %s from %s", issued, now, at)
				}
				pending[hash] = s
			},
			"written": func(t *rapid.T) {
				hash := anyToken.Draw(t, "token")
				if s, ok := pending[hash]; ok {
					disk[hash] = s
					delete(pending, hash)
					if let[hash]++; let[hash] > 1 {
						t.Fatalf("%x let in twice", hash[:4])
					}
				}
			},
			"disk full": func(t *rapid.T) {
				hash := anyToken.Draw(t, "token")
				if _, ok := pending[hash]; ok {
					delete(pending, hash)
					book.Returned(hash)
				}
			},
			"crash": func(t *rapid.T) {
				for hash, s := range pending { // some had reached the disk; nobody had been let in yet
					if rapid.Bool().Draw(t, "reached") {
						disk[hash] = s
					}
				}
				clear(pending)
				var known []TokenState
				for s := range maps.Values(disk) {
					known = append(known, s)
				}
				book = NewTokenBook(known)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(-60*24*40, 60*24*40).Draw(t, "minutes")) * time.Minute)
				for _, s := range book.Forget(now) {
					if _, writing := pending[s.Hash]; !writing {
						s.Expires = time.Time{} // dropped; kept here to remember that it was issued
						disk[s.Hash] = s
					}
				}
			},
		})
	})
}
