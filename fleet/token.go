// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Why a token does not let its bearer in.
var (
	ErrTokenFormat   = errors.New("not a token")
	ErrTokenUnknown  = errors.New("token is unknown")
	ErrTokenUsed     = errors.New("token was used already")
	ErrTokenExpired  = errors.New("token has expired")
	ErrTokenLocation = errors.New("token is for another location")
)

// Token lets one host in, once. Besides the secret it carries the SHA-256 of the CA's certificate, so that the host
// knows the hub before it says anything to it.
type Token struct {
	Secret [16]byte
	CA     [sha256.Size]byte
}

const tokenPrefix = "ebb1-"

var tokenAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// String is the one accepted form: ebb1-SECRET-CA, base32 in lower case and hexadecimal.
func (t Token) String() string {
	return tokenPrefix + strings.ToLower(tokenAlphabet.EncodeToString(t.Secret[:])) + "-" + hex.EncodeToString(t.CA[:])
}

// ParseToken reads the one accepted form.
func ParseToken(s string) (Token, error) {
	var t Token
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	secret, ca, two := strings.Cut(rest, "-")
	if !ok || !two {
		return t, fmt.Errorf("%w: one begins with %q and has three parts", ErrTokenFormat, tokenPrefix)
	}
	a, errA := tokenAlphabet.DecodeString(strings.ToUpper(secret))
	b, errB := hex.DecodeString(ca)
	if errA != nil || errB != nil || len(a) != len(t.Secret) || len(b) != len(t.CA) {
		return t, fmt.Errorf("%w: it is damaged or cut short", ErrTokenFormat)
	}
	copy(t.Secret[:], a)
	copy(t.CA[:], b)
	if t.String() != s {
		return Token{}, fmt.Errorf("%w: it is not in its one accepted form", ErrTokenFormat)
	}
	return t, nil
}

// Hash is what the hub keeps instead of the token.
func (t Token) Hash() [sha256.Size]byte {
	return sha256.Sum256(append([]byte("ebb enrolment token\x00"), t.Secret[:]...))
}

// TokenState is what the hub knows of one token. Its durable record is found by the hash and does not repeat it.
type TokenState struct {
	Hash     [sha256.Size]byte `json:"-"`
	Expires  time.Time         `json:"expires"`
	Location string            `json:"location,omitempty"` // the only one it is good for; empty: any
	UsedAt   time.Time         `json:"used_at,omitzero"`
}

// TokenBook knows which tokens are good. A token is redeemed at most once in the life of a book; Redeem's caller makes
// that durable before it lets the bearer in, so that it stays true across a crash:
//
//	state, err := book.Redeem(now, hash, location)   // nobody else can redeem it from here on
//	write state to disk; if that fails: book.Returned(hash)
//	let the bearer in
type TokenBook struct {
	tokens map[[sha256.Size]byte]TokenState
}

// NewTokenBook is a book of the tokens that were issued before.
func NewTokenBook(known []TokenState) *TokenBook {
	b := &TokenBook{tokens: map[[sha256.Size]byte]TokenState{}}
	for _, t := range known {
		b.tokens[t.Hash] = t
	}
	return b
}

// Issued enters a new token.
func (b *TokenBook) Issued(t TokenState) { b.tokens[t.Hash] = t }

// Redeem uses a token up. Looking it up by the hash of its secret tells nothing to who measures the time: hashes
// cannot be aimed. ErrTokenUnknown, ErrTokenUsed, ErrTokenExpired, ErrTokenLocation; none of them uses it up.
func (b *TokenBook) Redeem(now time.Time, hash [sha256.Size]byte, location string) (TokenState, error) {
	t, ok := b.tokens[hash]
	switch {
	case !ok:
		return TokenState{}, ErrTokenUnknown
	case !t.UsedAt.IsZero():
		return TokenState{}, fmt.Errorf("%w at %s", ErrTokenUsed, t.UsedAt.Format(time.RFC3339))
	case !now.Before(t.Expires):
		return TokenState{}, fmt.Errorf("%w at %s", ErrTokenExpired, t.Expires.Format(time.RFC3339))
	case t.Location != "" && t.Location != location:
		return TokenState{}, fmt.Errorf("%w: %s, not %s", ErrTokenLocation, t.Location, location)
	}
	t.UsedAt = now.UTC()
	b.tokens[hash] = t
	return t, nil
}

// Returned: a redemption could not be made durable, and nobody was let in.
func (b *TokenBook) Returned(hash [sha256.Size]byte) {
	if t, ok := b.tokens[hash]; ok {
		t.UsedAt = time.Time{}
		b.tokens[hash] = t
	}
}

// keepTokens is how long a token that is used up or expired is remembered, so that its bearer hears why.
const keepTokens = 30 * 24 * time.Hour

// Forget drops tokens that ended long ago and returns them, by hash.
func (b *TokenBook) Forget(now time.Time) []TokenState {
	var gone []TokenState
	for hash, t := range b.tokens {
		if now.Sub(t.Expires) > keepTokens {
			gone = append(gone, t)
			delete(b.tokens, hash)
		}
	}
	slices.SortFunc(gone, func(x, y TokenState) int { return bytes.Compare(x.Hash[:], y.Hash[:]) })
	return gone
}
