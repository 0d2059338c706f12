// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUTimeIsRead(t *testing.T) {
	for _, c := range []struct {
		name, stat string
		want       cpuTime
		fails      bool
	}{
		{name: "plain", stat: "7022 (cat) R 6974 6974 10446 0 -1 4194304 99 0 0 0 12 34 0 0 20 0 1 0 564920 3133440 362\n",
			want: cpuTime{120 * time.Millisecond, 340 * time.Millisecond}},
		{name: "a name made to deceive", stat: "1 (a) R 1 2 (x y) S 1 1 1 0 -1 4194304 99 0 0 0 5 6 0 0 20 0 1 0\n",
			want: cpuTime{50 * time.Millisecond, 60 * time.Millisecond}},
		{name: "cut short", stat: "7022 (cat) R 6974 6974 10446 0 -1 4194304 99 0 0 0 12", fails: true},
		{name: "no number", stat: "7022 (cat) R 6974 6974 10446 0 -1 4194304 99 0 0 0 x 34 0 0", fails: true},
		{name: "empty", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseStat([]byte(c.stat))
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestThisProcessCanBeMeasured(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	if _, err := readCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if peak, err := readPeak(os.Getpid()); err != nil || peak < 1<<20 {
		t.Errorf("a peak of %d bytes, %v", peak, err)
	}
	if _, err := readCPU(1 << 30); err == nil {
		t.Error("a process that does not exist was measured")
	}
	if m := ThisMachine(t.TempDir()); m.Memory == 0 || m.Kernel == "unknown" || m.Load == "unknown" || m.FileSystem == "unknown" {
		t.Errorf("not all was found out about this machine: %+v", m)
	}
}

func TestValuesOfProc(t *testing.T) {
	file := []byte("processor\t: 0\nmodel name\t: A CPU: the best\nmodel name\t: another\nVmHWM:\t    1704 kB\n")
	if got := valueOf(file, "model name"); got != "A CPU: the best" {
		t.Errorf("model name %q", got)
	}
	if got := kilobytes(valueOf(file, "VmHWM")); got != 1704<<10 {
		t.Errorf("%d bytes", got)
	}
	if got := kilobytes(valueOf(file, "VmRSS")); got != 0 {
		t.Errorf("%d bytes of what is not there", got)
	}
}

func TestFileSystemOfAFolder(t *testing.T) {
	mounts := []byte("/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/big xfs rw 0 0\nproc /proc proc rw 0 0\nnone /tmp/big btrfs rw 0 0\nshort line\n")
	for dir, want := range map[string]string{"/": "ext4", "/home/x": "ext4", "/tmp": "tmpfs", "/tmp/bigger": "tmpfs", "/tmp/big/x": "btrfs"} {
		if got := fileSystem(mounts, dir); got != want {
			t.Errorf("%s lies on %q, want %q", dir, got, want)
		}
	}
}

func TestBenchmarksAreRead(t *testing.T) {
	got := parseBenchmarks([]byte(`goos: linux
BenchmarkRelay/rate/20Mbit
BenchmarkRelay/rate/20Mbit-2         	       3	         0 ns/op	        -0.05 rate-err-%
BenchmarkJournalCommit/callers=64    	    2000	     22737 ns/op	     43981 commits/s	         2.080 p99-ms
PASS
`))
	if len(got) != 2 || got["Relay/rate/20Mbit"]["rate-err-%"] != -0.05 || got["JournalCommit/callers=64"]["p99-ms"] != 2.08 {
		t.Errorf("read %v", got)
	}
}
