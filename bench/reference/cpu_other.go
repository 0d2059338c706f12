// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package reference

import "time"

// processCPU is not known here.
func processCPU() time.Duration { return 0 }
