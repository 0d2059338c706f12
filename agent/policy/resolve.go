// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"github.com/ebbproject/ebb/fleet/desired"
)

// Said is what the policies say of a key for this host; false: nothing.
type Said func(key string) (desired.Document, bool)

// From says where a value comes from.
type From string

// The sources.
const (
	BuiltIn  From = "built-in"
	Own      From = "own"
	ByPolicy From = "policy"
)

// Setting is one key of a host, for people.
type Setting struct {
	Key   string
	Value string // as it counts; empty: nothing is set
	From  From
	By    desired.Document // From ByPolicy: the policy
	Own   string           // what the host has of its own and does not count, because the policy is locked; empty: nothing
}

// Resolve says what counts. local are the settings without any policy; own are the keys that the host has of its own.
func Resolve(local Settings, own []string, said Said) Settings {
	s := local
	for _, k := range keys {
		if d, ok := said(k.name); ok && k.write != nil && (d.Locked || !slices.Contains(own, k.name)) {
			_ = k.read(d.Value, &s) // what is not understood changes nothing
		}
	}
	return s
}

// Tell says what counts, key by key, and why.
func Tell(local Settings, own []string, said Said) (list []Setting) {
	for _, k := range keys {
		x := Setting{Key: k.name, From: BuiltIn}
		has := slices.Contains(own, k.name)
		if k.write != nil {
			x.Value = k.write(local)
		}
		if has {
			x.From = Own
		}
		if d, ok := said(k.name); ok && (d.Locked || !has) && k.read(d.Value, new(Settings)) == nil {
			if has {
				x.Own = x.Value
			}
			x.Value, x.From, x.By = d.Value, ByPolicy, d
		}
		list = append(list, x)
	}
	return list
}
