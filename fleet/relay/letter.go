// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrLetter marks what is no sealed report.
var ErrLetter = errors.New("not a sealed report")

// Letter is a report under the seal of the host that makes it, or an answer to one under that of the hub.
type Letter struct {
	Certificate *x509.Certificate // whose seal it is; whether the fleet's CA issued it is for the hub to say
	Seq         uint64            // greater than that of all letters before, of a host and over restarts: a time in microseconds since 1970; of an answer: that of the report
	Report      []byte
}

// letterMagic comes first; its last byte is the version.
const letterMagic = "EBB-RPT\x01"

// Bounds of a letter in bytes.
const (
	maxCertificate = 4 << 10
	maxSignature   = 255
	MaxLetter      = len(letterMagic) + 8 + 2 + maxCertificate + 1 + maxSignature + MaxReport
)

func digest(payload []byte) []byte {
	sum := sha256.Sum256(append([]byte("ebb report v1\x00"), payload...))
	return sum[:]
}

// Seal encodes a letter: magic, sequence (8 octets), length of the certificate (2), certificate (DER), length of the signature (1),
// signature (ASN.1, over sequence and report), report. Certificate is der. ErrLetter, and what the key says.
func Seal(seq uint64, report, der []byte, key crypto.Signer) ([]byte, error) {
	if len(report) > MaxReport || len(der) > maxCertificate {
		return nil, fmt.Errorf("%w: a report of %d bytes under a certificate of %d", ErrLetter, len(report), len(der))
	}
	signed := append(binary.BigEndian.AppendUint64(nil, seq), report...)
	sig, err := key.Sign(rand.Reader, digest(signed), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	raw := binary.BigEndian.AppendUint64([]byte(letterMagic), seq)
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(der)))
	raw = append(append(raw, der...), byte(len(sig)))
	return append(append(raw, sig...), report...), nil
}

// Open reads a letter and checks its seal. parse is x509.ParseCertificate, or remembers what that said. ErrLetter.
func Open(raw []byte, parse func(der []byte) (*x509.Certificate, error)) (Letter, error) {
	var l Letter
	bad := func(what string) (Letter, error) { return Letter{}, fmt.Errorf("%w: %s", ErrLetter, what) }
	const head = len(letterMagic) + 8 + 2
	if len(raw) > MaxLetter || len(raw) < head || string(raw[:len(letterMagic)]) != letterMagic {
		return bad("its head")
	}
	l.Seq = binary.BigEndian.Uint64(raw[len(letterMagic):])
	n, rest := int(binary.BigEndian.Uint16(raw[len(letterMagic)+8:])), raw[head:]
	if n > maxCertificate || len(rest) < n+1 || len(rest) < n+1+int(rest[n]) {
		return bad("it is cut short")
	}
	der, sig, report := rest[:n], rest[n+1:n+1+int(rest[n])], rest[n+1+int(rest[n]):]
	if len(report) > MaxReport {
		return bad("it is too long")
	}
	cert, err := parse(der)
	if err != nil {
		return bad(err.Error())
	}
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(key, digest(append(binary.BigEndian.AppendUint64(nil, l.Seq), report...)), sig) {
		return bad("the seal is not that of its certificate")
	}
	l.Certificate, l.Report = cert, report
	return l, nil
}
