// SPDX-License-Identifier: Apache-2.0

package console

import (
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
)

type (
	// policies is what holds.
	policies struct {
		Policies []api.Policy `json:"policies"`
	}
	// entries are lines of the audit.
	entries struct {
		Entries []desired.Entry `json:"entries"`
	}
	// policyDiff is what is not as it was.
	policyDiff struct {
		Changes []api.PolicyChange `json:"changes"`
	}
)

func getPolicies(c *call) error {
	var at *desired.Selector
	q := c.r.URL.Query()
	if text := q.Get("at"); text != "" {
		x, err := desired.ParseSelector(text)
		if err != nil {
			return orderProblem(err)
		}
		at = &x
	}
	return c.answer(policies{c.s.o.Fleet.Policies(q.Get("key"), at)})
}

func getPolicyHistory(c *call) error {
	list, err := c.s.o.Fleet.PolicyHistory(c.r.URL.Query().Get("key"), entriesPerPage)
	if err != nil {
		return err
	}
	return c.answer(entries{list})
}

func getPolicyDiff(c *call) error {
	list, err := c.s.o.Fleet.PolicyDiff(c.r.URL.Query().Get("since"))
	if err != nil {
		return orderProblem(err)
	}
	return c.answer(policyDiff{list})
}

// policyPage is the page of what holds, and of how it came to that.
type policyPage struct {
	nothingAsked
	Policies []api.Policy
	History  []desired.Entry
	Keys     []policy.Key
}

func showPolicies(c *call) error {
	page := policyPage{Policies: c.s.o.Fleet.Policies("", nil), Keys: policy.Keys()}
	if c.pass.Role >= gate.Operator {
		list, err := c.s.o.Fleet.PolicyHistory("", entriesPerPage)
		if err != nil {
			return err
		}
		page.History = list
	}
	return c.show("policies", "Policies", "policies", page)
}
