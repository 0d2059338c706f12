// SPDX-License-Identifier: Apache-2.0

package console

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"testing"
)

// What others wrote is in the binary as they published it: htmx.org 2.0.4, idiomorph 0.7.4, uplot 1.6.32, each with its licence.
func TestWhatOthersWroteIsAsTheyPublishedIt(t *testing.T) {
	for name, want := range map[string]string{
		"htmx.min.js":          "e209dda5c8235479f3166defc7750e1dbcd5a5c1808b7792fc2e6733768fb447",
		"idiomorph-ext.min.js": "a6437e55b1b6a07bc421f0d230266a39399b6826c6ed19e0ed9c63b707444a5f",
		"uPlot.iife.min.js":    "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uPlot.min.css":        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		b, err := fs.ReadFile(static, "static/vendor/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not what was published", name)
		}
	}
	for _, name := range []string{"htmx", "idiomorph", "uPlot"} {
		if _, err := fs.Stat(static, "static/vendor/"+name+".LICENSE"); err != nil {
			t.Error(err)
		}
	}
}
