// SPDX-License-Identifier: Apache-2.0

package api

import "github.com/ebbproject/ebb/fleet/desired"

// Steer is POST /api/v1/steer on a hub; the answer is a desired.Entry. With DryRun only its Touched counts.
type Steer struct {
	Who     string          `json:"who"`
	DryRun  bool            `json:"dry_run,omitempty"`
	Command desired.Command `json:"command"`
}
