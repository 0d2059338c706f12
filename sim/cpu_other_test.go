// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sim_test

import "time"

// cpu is how long the process has run: elsewhere than on Linux what others do on the machine is in it.
func cpu() time.Duration { return time.Since(begun) }

var begun = time.Now()
