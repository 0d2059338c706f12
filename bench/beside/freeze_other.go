// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package beside

import "os"

// A process cannot be frozen here: to try ends it, or is refused.
var stop, goOn = os.Interrupt, os.Interrupt
