// SPDX-License-Identifier: Apache-2.0

package discovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Tag is what a host of a fleet announces beside its random name: 16 hex digits. The key is the public key of the fleet's CA (PKIX, DER).
func Tag(key []byte, name string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("ebb discovery 1\x00"))
	h.Write([]byte(name))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// OfFleet reports whether a tag is that of a host of the fleet with this name. Anybody may repeat what he has heard: it is a hint.
func OfFleet(key []byte, name, tag string) bool {
	return hmac.Equal([]byte(Tag(key, name)), []byte(tag))
}
