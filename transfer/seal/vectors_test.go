// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"testing"

	"github.com/ebbproject/ebb/golden"
)

const vectorFile = "testdata/vectors.json"

// hexBytes reads and writes itself as hexadecimal digits.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// A vector is one datagram with all that leads to it.
type vector struct {
	Sender     string   `json:"sender"` // client or server
	Generation uint64   `json:"generation"`
	Traffic    hexBytes `json:"traffic_secret"`
	Key        hexBytes `json:"key"`
	IV         hexBytes `json:"iv"`
	Connection uint32   `json:"connection"`
	Sequence   uint64   `json:"sequence"`
	Nonce      hexBytes `json:"nonce"`
	Plaintext  hexBytes `json:"plaintext"`
	Datagram   hexBytes `json:"datagram"`
}

type vectors struct {
	Note     string   `json:"note"`
	Exporter string   `json:"exporter_label"`
	Secret   hexBytes `json:"exported_secret"`
	Vectors  []vector `json:"vectors"`
}

func makeVectors(t *testing.T) vectors {
	all := vectors{
		Note:     "Keys change after every datagram here, so that few vectors show several generations.",
		Exporter: Exporter,
	}
	for i := range SecretSize {
		all.Secret = append(all.Secret, byte(i))
	}
	for _, sender := range []string{"client", "server"} {
		s, _, err := Derive(all.Secret, sender == "client")
		if err != nil {
			t.Fatal(err)
		}
		s.limit = 1
		for i, v := range []vector{
			{Connection: 1, Sequence: 0},
			{Connection: 0xfedcba98, Sequence: 0x0123456789ab, Plaintext: []byte("Ebb")},
			{Connection: 0xffffffff, Sequence: MaxSequence, Plaintext: bytes.Repeat([]byte{0xa5}, 33)},
		} {
			d := append(make([]byte, HeaderSize, 256), v.Plaintext...)
			if v.Datagram, err = s.Seal(d, Header{v.Connection, v.Sequence}); err != nil {
				t.Fatal(err)
			}
			v.Sender, v.Generation, v.Traffic, v.IV, v.Nonce = sender, uint64(i), s.gen.secret, s.gen.iv[:], bytes.Clone(s.nonce[:])
			if v.Key, err = expandLabel(s.gen.secret, labelKey, keySize); err != nil {
				t.Fatal(err)
			}
			all.Vectors = append(all.Vectors, v)
		}
	}
	return all
}

func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	golden.Check(t, vectorFile, got)
}

// The vectors follow from the words of the package comment alone: checked here with nothing but AES-GCM and arithmetic.
func TestVectorsFollowFromTheDescription(t *testing.T) {
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Vectors {
		nonce := new(big.Int).Xor(new(big.Int).SetBytes(v.IV), new(big.Int).SetUint64(v.Sequence)).FillBytes(make([]byte, 12))
		head := big.NewInt(0xE0 + int64(v.Generation%2))
		head.Lsh(head, 32).Add(head, big.NewInt(int64(v.Connection)))
		head.Lsh(head, 48).Add(head, new(big.Int).SetUint64(v.Sequence))
		block, err := aes.NewCipher(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		want := gcm.Seal(head.Bytes(), nonce, v.Plaintext, head.Bytes())
		if !bytes.Equal(nonce, v.Nonce) || !bytes.Equal(want, v.Datagram) {
			t.Errorf("%s %d: nonce %x datagram %x, want %x %x", v.Sender, v.Generation, v.Nonce, v.Datagram, nonce, want)
		}
	}
}

// RFC 9001 appendix A.1 and A.5 give known answers for HKDF-Expand-Label.
func TestExpandLabelGivesTheAnswersOfRFC9001(t *testing.T) {
	for _, c := range []struct{ secret, label, want string }{
		{"c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea", "tls13 quic key", "1f369613dd76d5467730efcbe3b1a22d"},
		{"c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea", "tls13 quic iv", "fa044b2f42a3fd3b46fb255c"},
		{"9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b", "tls13 quic ku", "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"},
	} {
		secret, _ := hex.DecodeString(c.secret)
		got, err := expandLabel(secret, c.label, len(c.want)/2)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x, %v, want %s", c.label, got, err, c.want)
		}
	}
}
