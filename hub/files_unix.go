// SPDX-License-Identifier: Apache-2.0

//go:build unix

package hub

import "syscall"

// openFiles is how many files this process may have open, connections among them: RLIMIT_NOFILE, whose soft limit Go has raised to the hard one
// when the program began. 0: it is not known.
func openFiles() uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return uint64(l.Cur)
}
