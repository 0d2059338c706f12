// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// cpuTime is what a process has used.
type cpuTime struct{ user, system time.Duration }

func (a cpuTime) less(b cpuTime) cpuTime { return cpuTime{a.user - b.user, a.system - b.system} }

func (a cpuTime) total() time.Duration { return a.user + a.system }

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every architecture that Go runs on, time(7).
const tick = 10 * time.Millisecond

// readCPU is what a process has used so far; zero on systems without /proc.
func readCPU(pid int) (cpuTime, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if noProc(err) {
		return cpuTime{}, nil
	}
	if err != nil {
		return cpuTime{}, err
	}
	return parseStat(b)
}

// noProc tells a system without /proc from a process that is gone.
func noProc(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, err = os.Stat("/proc/self/stat")
	return err != nil
}

// parseStat reads utime and stime, fields 14 and 15 of proc_pid_stat(5). The second field is a name that may hold blanks
// and parentheses.
func parseStat(b []byte) (cpuTime, error) {
	const afterName = 14 - 3 // the first field behind the name is the third
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < afterName+2 {
		return cpuTime{}, fmt.Errorf("a line of /proc/PID/stat has %d fields behind the name: %q", len(fields), b)
	}
	user, err := strconv.ParseInt(string(fields[afterName]), 10, 64)
	if err != nil {
		return cpuTime{}, fmt.Errorf("utime in /proc/PID/stat: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[afterName+1]), 10, 64)
	if err != nil {
		return cpuTime{}, fmt.Errorf("stime in /proc/PID/stat: %w", err)
	}
	return cpuTime{time.Duration(user) * tick, time.Duration(system) * tick}, nil
}

// readPeak is the largest resident size in bytes that a process had since forgetPeak; zero on systems without /proc.
func readPeak(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if noProc(err) {
		return 0, nil
	}
	return kilobytes(valueOf(b, "VmHWM")), err
}

// forgetPeak makes VmHWM start anew, proc_pid_clear_refs(5). Where it cannot, the peak counts from the process's start.
func forgetPeak(pid int) { _ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) }
