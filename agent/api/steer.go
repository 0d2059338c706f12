// SPDX-License-Identifier: Apache-2.0

package api

import (
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/forecast"
)

// Steer is POST /api/v1/steer on a hub; the answer is a Steered. Size goes with DryRun: the bytes of an ordered content that is yet to
// be published.
type Steer struct {
	Who     string          `json:"who"`
	DryRun  bool            `json:"dry_run,omitempty"`
	Size    int64           `json:"size_bytes,omitempty"`
	Command desired.Command `json:"command"`
}

// Steered is what was ordered, or with DryRun what would be touched: then only Touched and Forecast count.
type Steered struct {
	desired.Entry
	Forecast *forecast.Forecast `json:"forecast,omitempty"` // of an order with a deadline
}
