// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// ErrSelector marks a text that selects nothing that could be.
var ErrSelector = errors.New("not a selector")

// Selector picks flows: those of which every field that is set holds. The zero Selector picks all.
type Selector struct {
	Content  string // a name, or an id
	Type     string
	Location string
	Peer     string
}

// Subject is a flow, as selectors see it.
type Subject struct {
	Location, Peer string
	Content        content.ID
	Name, Type     string // empty while the manifest is not known
}

// Picks reports whether the flow is one of those selected.
func (s Selector) Picks(x Subject) bool {
	return (s.Location == "" || s.Location == x.Location) && (s.Peer == "" || s.Peer == x.Peer) && (s.Type == "" || s.Type == x.Type) &&
		(s.Content == "" || s.Content == x.Name || s.Content == x.Content.String())
}

// Concerns reports whether a flow of the host could be picked.
func (s Selector) Concerns(id fleet.Identity) bool {
	return (s.Location == "" || s.Location == id.Location) && (s.Peer == "" || s.Peer == id.Peer)
}

// Within reports whether all that is selected is selected by the other too.
func (s Selector) Within(by Selector) bool {
	return (by.Content == "" || by.Content == s.Content) && (by.Type == "" || by.Type == s.Type) &&
		(by.Location == "" || by.Location == s.Location) && (by.Peer == "" || by.Peer == s.Peer)
}

// All reports whether everything is selected.
func (s Selector) All() bool { return s == Selector{} }

// fields of a selector in the order of its text.
func (s *Selector) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{{"content", &s.Content}, {"type", &s.Type}, {"location", &s.Location}, {"peer", &s.Peer}}
}

// String is the one accepted form: "all", or fields such as "type=os-image,location=berlin", in the order of the struct. No value has
// a comma.
func (s Selector) String() string {
	var parts []string
	for _, f := range s.fields() {
		if *f.value != "" {
			parts = append(parts, f.name+"="+*f.value)
		}
	}
	if parts == nil {
		return "all"
	}
	return strings.Join(parts, ",")
}

// ParseSelector reads the one accepted form. ErrSelector.
func ParseSelector(text string) (Selector, error) {
	var s Selector
	if text == "all" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		known := false
		for _, f := range s.fields() {
			if f.name == name {
				*f.value, known = value, true
			}
		}
		if !known {
			return Selector{}, fmt.Errorf("%w: %q: want all, or content=, type=, location=, peer= joined by commas", ErrSelector, text)
		}
	}
	if err := s.Valid(); err != nil {
		return Selector{}, err
	}
	if s.String() != text {
		return Selector{}, fmt.Errorf("%w: %q is not in its one accepted form, %q", ErrSelector, text, s)
	}
	return s, nil
}

// Valid refuses values that no content, type, location or peer can have. ErrSelector.
func (s Selector) Valid() error {
	wrong := func(err error) error { return fmt.Errorf("%w: %w", ErrSelector, err) }
	if s.Content != "" {
		if _, err := content.ParseID(s.Content); err != nil && content.ValidName(s.Content) != nil {
			return wrong(content.ValidName(s.Content))
		}
	}
	if s.Type != "" {
		if err := content.ValidName(s.Type); err != nil {
			return wrong(err)
		}
	}
	if s.Location != "" {
		if err := fleet.ValidLocation(s.Location); err != nil {
			return wrong(err)
		}
	}
	if s.Peer != "" && !fleet.ValidPeer(s.Peer) {
		return fmt.Errorf("%w: the peer %q is not 16 hexadecimal digits, as ebb peer ls shows them", ErrSelector, s.Peer)
	}
	return nil
}

// MarshalText writes the one accepted form.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it. ErrSelector.
func (s *Selector) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSelector(string(b))
	return err
}
