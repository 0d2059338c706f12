// SPDX-License-Identifier: Apache-2.0

package sense

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/agent/gentle"
)

// system is the counters at the last look.
type system struct {
	last   times
	queued uint64 // ms
	at     time.Time
	disk   string // the stat of the block device; empty: not looked for yet
}

// text reads a small file of the kernel's; what cannot be read is empty.
func text(elem ...string) string {
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (s *system) cpu() float64 {
	var now times
	var ok bool
	if now.busy, now.total, ok = cpuTimes(text("/proc/stat")); !ok {
		return gentle.Unknown
	}
	if now.own, ok = ownTimes(text("/proc/self/stat")); !ok {
		return gentle.Unknown
	}
	then := s.last
	s.last = now
	return others(then, now)
}

func (s *system) queue(state string) float64 {
	if s.disk == "" {
		s.disk = diskOf(state)
	}
	ms, ok := queueTime(text(s.disk))
	if !ok {
		return gentle.Unknown
	}
	then, at := s.queued, s.at
	s.queued, s.at = ms, time.Now()
	if at.IsZero() || ms < then || s.at.Sub(at) <= 0 {
		return gentle.Unknown
	}
	return float64(ms-then) / float64(s.at.Sub(at).Milliseconds()+1)
}

// diskOf is where the kernel tells of the disk on which a folder lies: of the whole disk, because its partitions share the queue.
func diskOf(folder string) string {
	var st unix.Stat_t
	if unix.Stat(folder, &st) != nil {
		return ""
	}
	dir := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	if dir, err := filepath.EvalSymlinks(dir); err == nil {
		if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
			dir = filepath.Dir(dir)
		}
		return filepath.Join(dir, "stat")
	}
	return dir // there is none: nothing will be read
}

func (s *system) power() gentle.Power {
	const class = "/sys/class/power_supply"
	entries, err := os.ReadDir(class)
	if err != nil {
		return gentle.PowerUnknown
	}
	var list []supply
	for _, e := range entries {
		dir := filepath.Join(class, e.Name())
		list = append(list, supply{kind: text(dir, "type"), online: text(dir, "online"), status: text(dir, "status"), scope: text(dir, "scope")})
	}
	return powered(list)
}

func (s *system) link(name string) gentle.Link {
	if name == "" {
		return gentle.LinkUnknown
	}
	dir := filepath.Join("/sys/class/net", name)
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(dir, file))
		return err == nil
	}
	return linked(device{uevent: text(dir, "uevent"), kind: text(dir, "type"), wireless: has("wireless") || has("phy80211"), tun: has("tun_flags")})
}
