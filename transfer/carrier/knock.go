// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// Before a handshake the dialer proves that it receives what is sent to its address, and until then the listener keeps
// nothing and sends no more than it got. The first byte of these datagrams lies in 4 to 15, which RFC 7983 leaves free, so
// that they are told from sealed ones (0xE0) and from STUN.
//
//	knock     form (1)  version (1)  attempt (8)  padding to 64 bytes        dialer → listener
//	token     form (1)  version (1)  attempt (8)  token (16)                 listener → dialer
//	outward   form (1)  attempt (8)  token (16)   DTLS records               dialer → listener
//	inward    form (1)  attempt (8)               DTLS records               listener → dialer
//
// The attempt is a random number that tells handshakes between the same two hosts apart. The token is an HMAC over
// address, attempt and minute. DTLS exchanges its own cookie after that as always (RFC 6347, section 4.2.1): pion/dtls keeps
// state before its cookie is back, which is why it is not asked first.
const (
	formKnock   = 8
	formToken   = 9
	formOutward = 10
	formInward  = 11

	knockVersion = 1
	attemptSize  = 8
	tokenSize    = 16
	knockSize    = 64
	tokenReply   = 2 + attemptSize + tokenSize

	outwardHeader = 1 + attemptSize + tokenSize
	inwardHeader  = 1 + attemptSize

	tokenLife = time.Minute // a token is good for one to two of these
)

type attempt [attemptSize]byte

func newAttempt() attempt {
	var a attempt
	_, _ = rand.Read(a[:]) // never fails
	return a
}

// mint makes and checks tokens.
type mint struct{ key [32]byte }

func newMint() *mint {
	m := new(mint)
	_, _ = rand.Read(m.key[:]) // never fails
	return m
}

func (m *mint) token(addr netip.AddrPort, a attempt, period int64) []byte {
	h := hmac.New(sha256.New, m.key[:])
	b, _ := addr.MarshalBinary()
	h.Write(a[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	h.Write(b)
	return h.Sum(nil)[:tokenSize]
}

func (m *mint) issue(now time.Time, addr netip.AddrPort, a attempt) []byte {
	return m.token(addr, a, now.Unix()/int64(tokenLife/time.Second))
}

func (m *mint) good(now time.Time, addr netip.AddrPort, a attempt, token []byte) bool {
	period := now.Unix() / int64(tokenLife/time.Second)
	return hmac.Equal(token, m.token(addr, a, period)) || hmac.Equal(token, m.token(addr, a, period-1))
}

func appendKnock(b []byte, a attempt) []byte {
	b = append(b, formKnock, knockVersion)
	b = append(b, a[:]...)
	return append(b, make([]byte, knockSize-2-attemptSize)...)
}

// answerKnock returns the reply to a knock; nil if it deserves none. It is never longer than the knock.
func (m *mint) answerKnock(now time.Time, d []byte, from netip.AddrPort) []byte {
	if len(d) != knockSize || d[1] != knockVersion {
		return nil
	}
	a := attempt(d[2 : 2+attemptSize])
	b := append(make([]byte, 0, tokenReply), formToken, knockVersion)
	b = append(b, a[:]...)
	return append(b, m.issue(now, from, a)...)
}

// parseToken takes a reply to a knock apart.
func parseToken(d []byte) (a attempt, token []byte, ok bool) {
	if len(d) != tokenReply || d[0] != formToken || d[1] != knockVersion {
		return a, nil, false
	}
	return attempt(d[2 : 2+attemptSize]), d[2+attemptSize:], true
}

// parseOutward takes a datagram of a handshake apart, as the listener gets it.
func parseOutward(d []byte) (a attempt, token, records []byte, ok bool) {
	if len(d) <= outwardHeader {
		return a, nil, nil, false
	}
	return attempt(d[1 : 1+attemptSize]), d[1+attemptSize : outwardHeader], d[outwardHeader:], true
}

// parseInward takes a datagram of a handshake apart, as the dialer gets it.
func parseInward(d []byte) (a attempt, records []byte, ok bool) {
	if len(d) <= inwardHeader {
		return a, nil, false
	}
	return attempt(d[1 : 1+attemptSize]), d[inwardHeader:], true
}
