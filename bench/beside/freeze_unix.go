// SPDX-License-Identifier: Apache-2.0

//go:build unix

package beside

import (
	"os"
	"syscall"
)

var stop, goOn os.Signal = syscall.SIGSTOP, syscall.SIGCONT
