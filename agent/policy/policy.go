// SPDX-License-Identifier: Apache-2.0

// Package policy knows the settings that the hub may decide for hosts, and what follows where several have a say.
//
// # Words
//
// A key is a setting, such as limits.download. A host has it *of its own* when its owner gave it on the command line, in the environment
// or in the file. A policy (fleet/desired) gives it a value for a scope; a locked one leaves the owner no say.
//
// # Algorithm
//
// What counts is, in this order: a locked policy, what the host has of its own, another policy, what is built in. Which of several
// policies it is, fleet/desired says. A value is taken as a whole. One that is not understood here, because it is of a later release,
// is as if nothing were said.
//
// # Not promised
//
// The keys of contents (window, cache.pin, and cache.max_age where a scope names a content or a type) are looked up flow by flow and
// content by content by whoever keeps those.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/units"
)

// Why a policy makes no sense.
var (
	ErrKey   = errors.New("is no key of a policy")
	ErrValue = errors.New("is no value of it")
	ErrScope = errors.New("cannot be set for that")
)

// valueError says which values there are. It is an ErrValue.
type valueError struct{ text string }

func (e *valueError) Error() string { return e.text }
func (e *valueError) Unwrap() error { return ErrValue }

// The keys that are looked up content by content.
const (
	Window = "window"
	Pin    = "cache.pin"
	MaxAge = "cache.max_age"
)

// Settings are what the policies of a host decide. The zero value limits nothing.
type Settings struct {
	Rates  gentle.Rates
	Budget budget.Config
	Limits cache.Limits
}

// scopes of a key.
type scopes uint8

const (
	ofHosts     scopes = iota // all, locations, peers
	ofLocations               // all, locations: it is the same on all hosts of one
	ofContents                // whatever can be selected
)

var scopeWords = [...]string{"hosts: all, locations and peers", "locations, whose hosts share it: all and locations", "anything"}

// A key reads a value into settings (nil: only says whether it could), and writes the one that is there. Either may be missing: the
// value is then looked up content by content.
type key struct {
	name   string
	what   string
	scopes scopes
	read   func(text string, to *Settings) error
	write  func(Settings) string
}

var keys = []key{
	capKey("limits.download", "what a host receives from other locations", ofHosts, func(s *Settings) *float64 { return &s.Rates.Download }),
	capKey("limits.upload", "what a host sends to other locations", ofHosts, func(s *Settings) *float64 { return &s.Rates.Upload }),
	capKey("limits.lan", "what a host sends and receives within its location", ofHosts, func(s *Settings) *float64 { return &s.Rates.LAN }),
	capKey("location.budget.download", "what all hosts of a location receive from others", ofLocations,
		func(s *Settings) *float64 { return &s.Budget.Down }),
	capKey("location.budget.upload", "what all hosts of a location send to others", ofLocations, func(s *Settings) *float64 { return &s.Budget.Up }),
	{Window, "hours of local time in which something may be fetched: 22:00-06:00", ofContents, readWindow, nil},
	{"cache.max_size", "most that chunks may take: 20%, 50GiB or none", ofHosts,
		func(text string, to *Settings) error { return into(&to.Limits.MaxSize)(cache.ParseMaxSize(text)) },
		func(s Settings) string { return amount(s.Limits.MaxSize, "none") }},
	{"cache.min_free", "what of the volume stays free for others: 10%, 5GiB or off", ofHosts,
		func(text string, to *Settings) error { return into(&to.Limits.MinFree)(cache.ParseMinFree(text)) },
		func(s Settings) string { return amount(s.Limits.MinFree, "off") }},
	{MaxAge, "how long what nobody uses is kept: 7d, 36h or none", ofContents,
		func(text string, to *Settings) error { return into(&to.Limits.MaxAge)(cache.ParseMaxAge(text)) },
		func(s Settings) string { return age(s.Limits.MaxAge) }},
	{Pin, "whether it stays, however much room is needed: on or off", ofContents, readPin, nil},
}

// into is a setter that leaves what is there on an error.
func into[T any](to *T) func(T, error) error {
	return func(v T, err error) error {
		if err == nil {
			*to = v
		}
		return err
	}
}

func capKey(name, what string, of scopes, field func(*Settings) *float64) key {
	return key{name, what + ": 20Mbit, 2MB or none", of,
		func(text string, to *Settings) error { return into(field(to))(ReadCap(name, text)) },
		func(s Settings) string { return capText(*field(&s)) }}
}

// leastCap in bits a second: below it even an acknowledgement a second is too much.
const leastCap = 64e3

// ReadCap reads a cap in bytes a second; none is 0. ErrValue.
func ReadCap(name, text string) (bytes float64, err error) {
	if text == "none" {
		return 0, nil
	}
	bits, ok := units.Rate(text)
	if !ok || bits < leastCap {
		return 0, &valueError{fmt.Sprintf("%s %q: a rate such as 20Mbit or 2MB, at least 64kbit, or none", name, text)}
	}
	return bits / 8, nil
}

func capText(bytes float64) string {
	if bytes == 0 {
		return "none"
	}
	return units.RateText(int64(bytes * 8))
}

func amount(a cache.Amount, none string) string {
	if a.IsZero() {
		return none
	}
	return a.String()
}

func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "none"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

func readWindow(text string, _ *Settings) error {
	if text == Always {
		return nil
	}
	_, err := window.Parse(text)
	return err
}

// Always is the value of a window that is never shut.
const Always = "always"

// Values of cache.pin.
const (
	on  = "on"
	off = "off"
)

func readPin(text string, _ *Settings) error {
	if text != on && text != off {
		return &valueError{fmt.Sprintf("%s %q: on or off", Pin, text)}
	}
	return nil
}

// Pinned says what a value of cache.pin means.
func Pinned(value string) bool { return value == on }

// Hours says what a value of window means; what is not understood is always open.
func Hours(value string) window.Window {
	w, _ := window.Parse(value)
	return w
}

// Age says what a value of cache.max_age means; 0: any age.
func Age(value string) time.Duration {
	d, _ := cache.ParseMaxAge(value)
	return d
}

// Key is one of the settings, for people.
type Key struct{ Name, What, Scopes string }

// Keys lists all.
func Keys() (list []Key) {
	for _, k := range keys {
		list = append(list, Key{k.name, k.what, scopeWords[k.scopes]})
	}
	return list
}

func find(name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// Check says whether a key can have a value for a scope. ErrKey, ErrValue and ErrScope, and what window and cache say.
func Check(name, value string, scope desired.Selector) error {
	k, ok := find(name)
	if !ok {
		var names []string
		for _, k := range keys {
			names = append(names, k.name)
		}
		return fmt.Errorf("%q %w: there are %s", name, ErrKey, strings.Join(names, ", "))
	}
	if k.scopes != ofContents && (scope.Content != "" || scope.Type != "") || k.scopes == ofLocations && scope.Peer != "" {
		return fmt.Errorf("%s %w: it is for %s", name, ErrScope, scopeWords[k.scopes])
	}
	if value == desired.Inherit {
		return nil
	}
	if err := k.read(value, new(Settings)); err != nil {
		return fmt.Errorf("%w, or %s", err, desired.Inherit)
	}
	return nil
}
