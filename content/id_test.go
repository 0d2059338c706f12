// SPDX-License-Identifier: Apache-2.0

package content

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// The digest of no bytes, from FIPS 180-4's examples.
const emptyID = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestIDs(t *testing.T) {
	id := Sum(nil)
	if id.String() != emptyID || id.Short() != emptyID[:12] {
		t.Errorf("%s, short %s", id, id.Short())
	}
	if back, err := ParseID(emptyID); err != nil || back != id {
		t.Errorf("read again: %s, %v", back, err)
	}
	if id.IsZero() || !(ID{}).IsZero() {
		t.Error("only the zero id is zero")
	}
	a, b := ID{0: 1}, ID{0: 2}
	if a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 {
		t.Error("ids are ordered by their bytes")
	}
	text, err := json.Marshal(map[ID]ID{id: id})
	if want := `{"` + emptyID + `":"` + emptyID + `"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func TestTextsThatAreNoIDs(t *testing.T) {
	for _, s := range []string{
		"", "e3b0", emptyID[1:], emptyID + "0", emptyID + "\n", " " + emptyID[1:], strings.ToUpper(emptyID),
		"E" + emptyID[1:], "g" + emptyID[1:], "0x" + emptyID[2:], strings.Repeat("é", 32), strings.Repeat("a", 1<<20),
	} {
		id, err := ParseID(s)
		if !errors.Is(err, ErrID) || !id.IsZero() || len(err.Error()) > 500 {
			t.Errorf("%.80q: %s, %.80v", s, id, err)
		}
		before := ID{1, 2, 3}
		if err := before.UnmarshalText([]byte(s)); err == nil || before != (ID{1, 2, 3}) {
			t.Errorf("%.80q: unmarshalled into %s, %v", s, before, err)
		}
	}
}
