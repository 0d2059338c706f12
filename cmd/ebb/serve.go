// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/scheduler/lease"
)

// serveConfig is when others are served. What is not said is as in gentle.DefaultPolicy.
type serveConfig struct {
	Always       bool   `yaml:"always"` // whatever the sensors say
	MaxCPU       string `yaml:"max_cpu"`
	MaxDiskQueue string `yaml:"max_disk_queue"`
	OnBattery    bool   `yaml:"on_battery"`
	OnVPN        bool   `yaml:"on_vpn"`
	OnMetered    bool   `yaml:"on_metered"`
	Slots        string `yaml:"slots"`
	Weight       string `yaml:"weight"` // auto, or one of weights: how much of the location's WAN fetches it takes on
}

// limitsConfig is caps on all conversations together: with other locations, and within this one in each direction.
type limitsConfig struct {
	Upload   string `yaml:"upload"`
	Download string `yaml:"download"`
	LAN      string `yaml:"lan"`
}

// locationConfig is what is the same on all hosts of a location: what they may send to others together, and receive from others.
type locationConfig struct {
	Budget struct {
		Upload   string `yaml:"upload"`
		Download string `yaml:"download"`
	} `yaml:"budget"`
}

var serveKeys = []string{"location", "budget", "serve", "always", "max_cpu", "max_disk_queue", "on_battery", "on_vpn", "on_metered", "slots", "weight", "limits", "upload",
	"download", "lan", "link"}

// policy is what the file says about serving; always: whatever the sensors say.
func (c config) policy(always bool) (p gentle.Policy, err error) {
	p = gentle.DefaultPolicy()
	s := c.Serve
	p.NotOnBattery, p.NotOnVPN, p.NotOnMetered = !s.OnBattery, !s.OnVPN, !s.OnMetered
	if err := numberOr("serve.max_cpu", s.MaxCPU, "off", 100, func(v float64) { p.MaxCPU = v / 100 }); err != nil {
		return p, err
	}
	if err := numberOr("serve.max_disk_queue", s.MaxDiskQueue, "off", 1e6, func(v float64) { p.MaxQueue = v }); err != nil {
		return p, err
	}
	if err := numberOr("serve.slots", s.Slots, "none", 1e6, func(v float64) { p.Slots = int(v) }); err != nil {
		return p, err
	}
	for _, x := range []struct {
		key, text string
		to        *float64
	}{{"limits.upload", c.Limits.Upload, &p.Rates.Upload}, {"limits.download", c.Limits.Download, &p.Rates.Download},
		{"limits.lan", c.Limits.LAN, &p.Rates.LAN}} {
		if *x.to, err = readCap(x.key, x.text); err != nil {
			return p, err
		}
	}
	if always {
		p = gentle.Policy{Slots: p.Slots, Rates: p.Rates}
	}
	return p, nil
}

// readCap reads a cap in bytes a second; 0: none.
func readCap(key, text string) (bytes float64, err error) {
	if text == "" {
		return 0, nil
	}
	if bytes, err = policy.ReadCap(key, text); err != nil {
		return 0, &configError{err.Error()}
	}
	return bytes, nil
}

// own lists the settings that the command line, the environment or the file gives, of those that a policy of the hub may decide.
func (c config) own(cmd *cobra.Command) (keys []string) {
	for _, x := range []struct{ key, flag, file string }{{"limits.upload", "", c.Limits.Upload}, {"limits.download", "", c.Limits.Download},
		{"limits.lan", "", c.Limits.LAN}, {"location.budget.upload", "", c.Location.Budget.Upload},
		{"location.budget.download", "", c.Location.Budget.Download}, {"cache.max_size", "cache-max-size", c.Cache.MaxSize},
		{"cache.min_free", "cache-min-free", c.Cache.MinFree}, {"cache.max_age", "cache-max-age", c.Cache.MaxAge}} {
		if x.file != "" || x.flag != "" && cmd.Flags().Changed(x.flag) {
			keys = append(keys, x.key)
		}
	}
	return keys
}

// budget is what the hosts of the location share.
func (c config) budget() (b budget.Config, err error) {
	if b.Up, err = readCap("location.budget.upload", c.Location.Budget.Upload); err != nil {
		return b, err
	}
	b.Down, err = readCap("location.budget.download", c.Location.Budget.Download)
	return b, err
}

// numberOr reads a whole number from 1 to most, or the word that stands for no limit. Nothing said leaves the default.
func numberOr(key, text, word string, most float64, set func(float64)) error {
	switch text {
	case "":
		return nil
	case word:
		set(0)
		return nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || float64(v) > most {
		return &configError{fmt.Sprintf("%s %q: a whole number from 1 to %.0f, or %s", key, text, most, word)}
	}
	set(float64(v))
	return nil
}

var weights = map[string]int{"never": lease.Never, "wifi": lease.WiFi, "laptop": lease.Laptop, "wired": lease.Wired, "server": lease.Server}

// weight is what the owner says of this host's share in what the location fetches from beyond; nil: it follows from what is sensed.
func (c config) weight() (*int, error) {
	text := c.Serve.Weight
	if text == "" || text == "auto" {
		return nil, nil
	}
	w, ok := weights[text]
	if !ok {
		return nil, &configError{fmt.Sprintf("serve.weight %q: use auto, never, wifi, laptop, wired or server", text)}
	}
	return &w, nil
}

// network is what the owner says of the network this host is on; LinkUnknown: it is found out.
func (c config) network() (gentle.Link, error) {
	if c.Link == "" || c.Link == "auto" {
		return gentle.LinkUnknown, nil
	}
	l, ok := gentle.ParseLink(c.Link)
	if !ok {
		return l, &configError{fmt.Sprintf("link %q: use auto, wired, wifi, vpn or metered", c.Link)}
	}
	return l, nil
}
