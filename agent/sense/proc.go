// SPDX-License-Identifier: Apache-2.0

package sense

import (
	"strconv"
	"strings"

	"github.com/ebbproject/ebb/agent/gentle"
)

// The texts of /proc and /sys, as proc(5), Documentation/block/stat.rst and Documentation/ABI/testing of the kernel describe them. Every
// parser takes what the kernel writes and says false to anything else.

// cpuTimes reads /proc/stat: the first line has the sum over all processors, in USER_HZ. Guests are part of user and nice already.
func cpuTimes(stat string) (busy, total uint64, ok bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0, false
	}
	idle := uint64(0)
	for i, f := range fields[1:min(len(fields), 9)] { // user nice system idle iowait irq softirq steal
		v, err := strconv.ParseUint(f, 10, 63)
		if err != nil || total+v < total {
			return 0, 0, false
		}
		total += v
		if i == 3 || i == 4 { // idle, iowait
			idle += v
		}
	}
	return total - idle, total, true
}

// ownTimes reads /proc/self/stat: utime and stime, fields 14 and 15. The name in field 2 is in parentheses and may have any character.
func ownTimes(stat string) (own uint64, ok bool) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(stat[end+1:]) // from field 3 on
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseUint(fields[11], 10, 62)
	if err != nil {
		return 0, false
	}
	system, err := strconv.ParseUint(fields[12], 10, 62)
	return user + system, err == nil
}

// queueTime reads the stat of a block device: field 11, time_in_queue, is the time in ms that requests have spent waiting and at the
// device, summed over the requests. What it grows by in a ms is the mean length of the queue.
func queueTime(stat string) (ms uint64, ok bool) {
	fields := strings.Fields(stat)
	if len(fields) < 11 {
		return 0, false
	}
	ms, err := strconv.ParseUint(fields[10], 10, 63)
	return ms, err == nil
}

// supply is one entry of /sys/class/power_supply; texts that are not there are empty.
type supply struct {
	kind   string // Mains, Battery, USB, Wireless, UPS
	online string // of what is no battery: 1, or 2 for programmable
	status string // of a battery: Charging, Discharging, Not charging, Full, Unknown
	scope  string // Device: of a mouse or the like
}

// powered says what a host with these supplies runs on: without a battery on mains.
func powered(list []supply) gentle.Power {
	battery, discharging := false, false
	for _, s := range list {
		switch {
		case s.scope == "Device":
		case s.kind == "Battery":
			battery, discharging = true, discharging || s.status == "Discharging"
		case s.kind == "UPS" && s.status == "Discharging":
			return gentle.Battery
		case s.online != "" && s.online != "0":
			return gentle.Mains
		}
	}
	switch {
	case discharging:
		return gentle.Battery
	case battery && !hasMains(list):
		return gentle.PowerUnknown // charged, and no word of where from
	case battery:
		return gentle.Battery // what could feed it does not
	}
	return gentle.Mains
}

func hasMains(list []supply) bool {
	for _, s := range list {
		if s.kind == "Mains" {
			return true
		}
	}
	return false
}

// device is what /sys/class/net says of an interface.
type device struct {
	uevent   string // of it, DEVTYPE=... matters
	kind     string // its ARPHRD number
	wireless bool   // it has a folder wireless or a link phy80211
	tun      bool   // it has a file tun_flags
}

// ARPHRD numbers of if_arp.h.
const (
	arpEther = "1"
	arpPPP   = "512"
	arpNone  = "65534" // tun, WireGuard, raw IP of modems
)

// linked says what kind of network an interface leads to.
func linked(d device) gentle.Link {
	kind := ""
	for line := range strings.Lines(d.uevent) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			kind = v
		}
	}
	switch {
	case kind == "wwan":
		return gentle.Metered
	case kind == "wireguard" || d.tun || d.kind == arpPPP:
		return gentle.VPN
	case kind == "wlan" || d.wireless:
		return gentle.WiFi
	case d.kind == arpNone:
		return gentle.VPN
	case d.kind == arpEther:
		return gentle.Wired
	}
	return gentle.LinkUnknown
}
