// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is where a run took place.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     int64  `json:"memory_bytes"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	System     string `json:"system"`
	FileSystem string `json:"file_system"` // of the temporary folder
	Load       string `json:"load"`        // at the start, averages of 1, 5 and 15 minutes
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.1f GiB, %s %s, %s, files on %s; load at the start %s", m.CPU, m.Cores, float64(m.Memory)/(1<<30), m.System,
		m.Kernel, m.Go, m.FileSystem, m.Load)
}

// ThisMachine says what can be found out; what cannot is "unknown".
func ThisMachine(dir string) Machine {
	m := Machine{CPU: "unknown CPU", Cores: runtime.NumCPU(), Kernel: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		FileSystem: "unknown", Load: "unknown"}
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return b
	}
	if model := valueOf(read("/proc/cpuinfo"), "model name"); model != "" {
		m.CPU = model
	}
	if b := read("/proc/sys/kernel/osrelease"); len(b) > 0 {
		m.Kernel = strings.TrimSpace(string(b))
	}
	m.Memory = kilobytes(valueOf(read("/proc/meminfo"), "MemTotal"))
	if f := strings.Fields(string(read("/proc/loadavg"))); len(f) >= 3 {
		m.Load = strings.Join(f[:3], " ")
	}
	if fs := fileSystem(read("/proc/mounts"), dir); fs != "" {
		m.FileSystem = fs
	}
	return m
}

// valueOf finds the first "key : value" line of a file of /proc.
func valueOf(file []byte, key string) string {
	for line := range bytes.Lines(file) {
		name, value, ok := strings.Cut(string(line), ":")
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "123 kB"; 0 for anything else.
func kilobytes(text string) (bytes int64) {
	if _, err := fmt.Sscanf(text, "%d kB", &bytes); err != nil {
		return 0
	}
	return bytes << 10
}

// fileSystem is the type of the file system that dir, which is absolute, lies in, from /proc/mounts.
func fileSystem(mounts []byte, dir string) (kind string) {
	longest := 0
	for line := range bytes.Lines(mounts) {
		f := strings.Fields(string(line))
		if len(f) < 3 {
			continue
		}
		at := strings.TrimSuffix(f[1], "/") + "/"
		if strings.HasPrefix(dir+"/", at) && len(at) >= longest { // a later mount hides an earlier one
			longest, kind = len(at), f[2]
		}
	}
	return kind
}
