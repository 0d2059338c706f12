// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/link"
)

func example() Config {
	return Config{Left: End{"l", netip.MustParsePrefix("10.99.0.1/30")}, Right: End{"r", netip.MustParsePrefix("10.99.0.2/30")}}
}

func TestAConfigIsCompleted(t *testing.T) {
	c, err := example().complete()
	if err != nil || c.MTU != DefaultMTU || c.Forward.MTU != DefaultMTU {
		t.Fatalf("%+v %v", c, err)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"without a namespace":       func(c *Config) { c.Right.Namespace = "" },
		"both ends in l":            func(c *Config) { c.Right.Namespace = "l" },
		"give an IPv4 address":      func(c *Config) { c.Left.Address = netip.MustParsePrefix("fd00::1/64") },
		"of at most 30 bits":        func(c *Config) { c.Left.Address = netip.MustParsePrefix("10.0.0.1/32") },
		"two addresses of one":      func(c *Config) { c.Left.Address = netip.MustParsePrefix("10.98.0.1/30") },
		"an MTU of 100":             func(c *Config) { c.MTU = 100 },
		"the forward link: Rate":    func(c *Config) { c.Forward.Rate = 1 },
		"the reverse link: Loss is": func(c *Config) { c.Reverse = link.Config{Loss: 2} },
	} {
		c := example()
		change(&c)
		if _, err := Start(c); !errors.Is(err, ErrConfig) && !errors.Is(err, ErrNotLinux) || !errors.Is(err, ErrNotLinux) && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
