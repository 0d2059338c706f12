// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package stage

import "time"

// rusage is not known here.
func rusage() (user, system time.Duration) { return 0, 0 }
