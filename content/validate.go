// SPDX-License-Identifier: Apache-2.0

package content

import (
	"slices"
	"strings"
	"time"
)

// lastSecond is the last second of the year 9999, the last that RFC 3339 can
// write, counted from 1970.
const lastSecond = 253402300799

// Validate tells whether m may be encoded. Every error is a *NameError, for the
// names of entries (see ValidateEntries), or a *FormatError, for all the rest.
func (m *Manifest) Validate() error {
	for _, check := range []func() error{
		m.checkLabels, m.checkTimes, m.checkOrigins, m.checkChunks,
		func() error { return ValidateEntries(m.Tree, m.Entries) },
		m.checkSizes,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkLabels() error {
	if reason := checkName(m.Name); reason != "" {
		return invalid("name", "%q: %s", shorten(m.Name), reason)
	}
	if reason := checkLabel(m.Version); reason != "" {
		return invalid("version", "%q: %s", shorten(m.Version), reason)
	}
	if reason := checkLabel(m.Type); reason != "" {
		return invalid("type", "%q: %s", shorten(m.Type), reason)
	}
	return nil
}

func (m *Manifest) checkTimes() error {
	if reason := checkTime(m.Created); reason != "" {
		return invalid("created", "%s", reason)
	}
	if m.Expires.IsZero() {
		return nil
	}
	if reason := checkTime(m.Expires); reason != "" {
		return invalid("expires", "%s", reason)
	}
	if !m.Expires.After(m.Created) {
		return invalid("expires", "%s is not after the creation at %s",
			m.Expires.Format(time.RFC3339), m.Created.Format(time.RFC3339))
	}
	return nil
}

func checkTime(t time.Time) string {
	switch {
	case t.Nanosecond() != 0 || t.Location() != time.UTC:
		return "not whole seconds of UTC"
	case t.Unix() < 0 || t.Unix() > lastSecond:
		return "outside the years 1970 to 9999"
	}
	return ""
}

func (m *Manifest) checkOrigins() error {
	if len(m.Origins) > MaxOrigins {
		return invalid("origins", "more than %d", MaxOrigins)
	}
	for i, origin := range m.Origins {
		if reason := checkOrigin(origin); reason != "" {
			return invalid("origin", "%q: %s", shorten(origin), reason)
		}
		if slices.Contains(m.Origins[:i], origin) {
			return invalid("origin", "%q: listed twice", shorten(origin))
		}
	}
	return nil
}

// checkOrigin wants the outline of an absolute URL (RFC 3986, section 3): a
// lower-case scheme, an authority, no spaces. Which schemes and hosts may be
// asked at all is decided where origins are asked.
func checkOrigin(origin string) string {
	if len(origin) > MaxOrigin {
		return "too long"
	}
	for i := range len(origin) {
		if origin[i] <= ' ' || origin[i] > '~' {
			return "not plain ASCII without spaces: escape it"
		}
	}
	scheme, rest, _ := strings.Cut(origin, "://")
	if !isScheme(scheme) || rest == "" || rest[0] == '/' {
		return "not an address like https://host/path"
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if strings.Contains(rest, "@") {
		return "holds a user name or password, which everybody could read: leave it out"
	}
	return ""
}

func isScheme(s string) bool {
	for i := range len(s) {
		letter := s[i] >= 'a' && s[i] <= 'z'
		other := s[i] >= '0' && s[i] <= '9' || strings.IndexByte("+-.", s[i]) >= 0
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

// checkChunks refuses chunks of impossible size. One id with two sizes is such
// a case: no bytes fit both, and whoever waited for them would wait for ever.
func (m *Manifest) checkChunks() error {
	if len(m.Chunks) > MaxChunks {
		return invalid("chunks", "more than %d", MaxChunks)
	}
	order := make([]uint32, len(m.Chunks))
	for i, c := range m.Chunks {
		if c.Size == 0 || c.Size > MaxChunk {
			return invalid("chunks", "chunk %d has %d bytes: want 1 to %d", i, c.Size, MaxChunk)
		}
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int {
		return m.Chunks[i].ID.Compare(m.Chunks[j].ID)
	})
	for k := 1; k < len(order); k++ {
		if a, b := m.Chunks[order[k-1]], m.Chunks[order[k]]; a.ID == b.ID && a.Size != b.Size {
			return invalid("chunks", "%s has %d bytes here and %d there", a.ID, a.Size, b.Size)
		}
	}
	return nil
}

// checkSizes relies on the sizes of entries and chunks being in range.
func (m *Manifest) checkSizes() error {
	var files, chunks int64
	for i := range m.Entries {
		if files += m.Entries[i].Size; files > maxSize {
			return invalid("entries", "more than %d bytes altogether", maxSize)
		}
	}
	for i := range m.Chunks {
		chunks += int64(m.Chunks[i].Size)
	}
	if files != chunks {
		return invalid("chunks", "%d bytes in chunks for %d bytes in files", chunks, files)
	}
	if n := m.encodedSize(); n > MaxManifest {
		return invalid("manifest", "%d bytes encoded, more than %d: publish in parts", n, MaxManifest)
	}
	return nil
}
