// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"strings"

	"github.com/ebbproject/ebb/units"
)

// text is the value of a key as set reads it.
func (l *Location) text(key string) string {
	switch key {
	case keyRegion:
		return l.Region
	case keyLink:
		return string(l.Link)
	case keyNear:
		return strings.Join(l.Near, " ")
	case keyNAT:
		texts := make([]string, len(l.NAT))
		for i, n := range l.NAT {
			texts[i] = n.String()
		}
		return strings.Join(texts, " ")
	case keySubnets:
		texts := make([]string, len(l.Subnets))
		for i, s := range l.Subnets {
			texts[i] = s.String()
		}
		return strings.Join(texts, " ")
	case keyDown:
		return rateText(l.Down)
	case keyUp:
		return rateText(l.Up)
	}
	return ""
}

func (s Subnet) String() string {
	if s.Link == "" {
		return s.Network.String()
	}
	return s.Network.String() + "@" + string(s.Link)
}

func rateText(bits int64) string {
	if bits == 0 {
		return ""
	}
	return units.RateText(bits)
}

// Texts is what a location has, by key, as people write it.
func (l *Location) Texts() map[string]string {
	texts := map[string]string{}
	for _, key := range locationKeys {
		texts[key] = l.text(key)
	}
	return texts
}
