// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"syscall"
	"time"
)

// cpu is how long the process has computed: what others do on the machine is not in it.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
