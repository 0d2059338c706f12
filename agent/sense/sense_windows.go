// SPDX-License-Identifier: Apache-2.0

package sense

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/ebbproject/ebb/agent/gentle"
)

var (
	kernel         = windows.NewLazySystemDLL("kernel32.dll")
	getSystemTimes = kernel.NewProc("GetSystemTimes")
	getPowerStatus = kernel.NewProc("GetSystemPowerStatus")
)

// system is the counters at the last look.
type system struct{ last times }

func ticks(f windows.Filetime) uint64 { return uint64(f.HighDateTime)<<32 | uint64(f.LowDateTime) }

func (s *system) cpu() float64 {
	var idle, kernel, user windows.Filetime // kernel includes idle
	if ok, _, _ := getSystemTimes.Call(uintptr(unsafe.Pointer(&idle)), uintptr(unsafe.Pointer(&kernel)), uintptr(unsafe.Pointer(&user))); ok == 0 {
		return gentle.Unknown
	}
	var created, ended, ownKernel, ownUser windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &ended, &ownKernel, &ownUser) != nil {
		return gentle.Unknown
	}
	total := ticks(kernel) + ticks(user)
	now := times{busy: total - ticks(idle), total: total, own: ticks(ownKernel) + ticks(ownUser)}
	then := s.last
	s.last = now
	return others(then, now)
}

// powerStatus is SYSTEM_POWER_STATUS.
type powerStatus struct {
	ac, battery, percent, saver byte
	left, full                  uint32
}

func (s *system) power() gentle.Power {
	var p powerStatus
	if ok, _, _ := getPowerStatus.Call(uintptr(unsafe.Pointer(&p))); ok == 0 {
		return gentle.PowerUnknown
	}
	switch p.ac {
	case 0:
		return gentle.Battery
	case 1:
		return gentle.Mains
	}
	return gentle.PowerUnknown
}

func (s *system) queue(string) float64 { return gentle.Unknown }

func (s *system) link(string) gentle.Link { return gentle.LinkUnknown }
