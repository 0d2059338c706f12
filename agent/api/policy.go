// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Setting is one key that a policy may decide, as it holds on a host.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"` // empty: nothing is set
	From   string `json:"from"`            // built-in, own (flag, environment or file) or policy
	Entry  string `json:"entry,omitempty"` // of the audit log of the hub, by which the policy holds
	Scope  string `json:"scope,omitempty"` // for whom the policy was made
	Locked bool   `json:"locked,omitempty"`
	Own    string `json:"own,omitempty"` // what the host has of its own, and what does not count because the policy is locked
}

// Policy is what the operator says of a key for a scope.
type Policy struct {
	Key    string    `json:"key"`
	Scope  string    `json:"scope"` // all, or such as type=os-image,location=berlin
	Value  string    `json:"value"`
	Locked bool      `json:"locked"`
	Until  time.Time `json:"until,omitzero"`
	Entry  string    `json:"entry"` // of the audit log
	Issued time.Time `json:"issued"`
}

// PolicyChange is a policy that is not what it was.
type PolicyChange struct {
	Key    string `json:"key"`
	Scope  string `json:"scope"`
	Before string `json:"before"` // the value; inherit: nothing was said
	After  string `json:"after"`
	Locked bool   `json:"locked"` // what it is now
}
