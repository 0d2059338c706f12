// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/content"
)

// childEnv makes the test binary a process that stores chunks in the directory it names, until it is killed.
const childEnv = "EBB_TEST_STORE_CHILD"

func child(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for i := uint64(s.Stats().Chunks); ; i += 2 {
		a, b := blob(i, 5000), blob(i+1, 50_000)
		if err := s.Put(a, b); err != nil {
			return err
		}
		fmt.Println(a.ID, b.ID)
		if i%10 == 0 {
			fmt.Println("deleting", a.ID)
			if err := s.Delete(a.ID); err != nil {
				return err
			}
			fmt.Println("deleted", a.ID)
		}
	}
}

// A real process is killed at a random moment. While it lives nobody else gets in; what it said before it died holds.
func TestKilledProcessesLoseNothing(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	told := map[string]bool{}
	for round := range rounds {
		lines := runAndKill(t, dir, 3+7*round)
		for _, line := range lines {
			switch ids := strings.Fields(line); ids[0] {
			case "deleting":
				delete(told, ids[1])
			case "deleted":
				told[ids[1]] = false
			default:
				told[ids[0]], told[ids[1]] = true, true
			}
		}
		s := open(t, dir, Options{})
		for id, stored := range told {
			parsed, err := content.ParseID(id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(parsed, nil); stored && err != nil || !stored && !errors.Is(err, ErrNotFound) {
				t.Errorf("round %d: chunk %s, stored %v: %v", round, id, stored, err)
			}
		}
		if n := filesOnDisk(t, s); n != s.Stats().Chunks {
			t.Errorf("round %d: %d files for %d chunks", round, n, s.Stats().Chunks)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill returns what the child has said when it is killed, which is after it has said enough.
func runAndKill(t *testing.T, dir string, enough int) (lines []string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for in.Scan() {
		if in.Text() == "ready" {
			if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open beside another process: %v", err)
			}
			continue
		}
		if lines = append(lines, in.Text()); len(lines) == enough {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return lines
}

// A slowDisk holds back the syncs of the journal's log while it is told to.
type slowDisk struct {
	mu      sync.Mutex
	held    chan struct{} // nil: nothing is held back
	reached chan struct{} // one value for each sync that waits
}

func (d *slowDisk) hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.held = nil
		close(held)
	}
}

func (d *slowDisk) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData || !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	d.mu.Lock()
	held := d.held
	d.mu.Unlock()
	if held != nil {
		d.reached <- struct{}{}
		<-held
	}
	return nil
}

func (d *slowDisk) String() string { return "slow disk" }

func TestNothingIsReportedBeforeItIsDurable(t *testing.T) {
	disk := &slowDisk{reached: make(chan struct{}, 100)}
	s := open(t, "state", Options{FS: errorfs.Wrap(vfs.NewMem(), disk)})
	old, b := blob(1, 100), blob(2, 100)
	mustPut(t, s, old)
	release := disk.hold()
	done := make(chan error)
	go func() { done <- s.Put(b) }()
	<-disk.reached
	lacks(t, s, b)
	holds(t, s, old) // readers do not wait for the disk
	if got := s.Stats().Chunks; got != 1 {
		t.Errorf("%d chunks", got)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	holds(t, s, b)

	release = disk.hold()
	go func() { done <- s.Record(Record{"version", []byte("2")}) }()
	<-disk.reached
	if _, err := s.Lookup("version"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a record is visible before it is durable: %v", err)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentCallsShareACommit(t *testing.T) {
	disk := &slowDisk{reached: make(chan struct{}, 100)}
	var mu sync.Mutex
	var commits []Commit
	s := open(t, "state", Options{
		FS: errorfs.Wrap(vfs.NewMem(), disk),
		Events: Events{Committed: func(c Commit) {
			mu.Lock()
			defer mu.Unlock()
			c.Folders, c.Journal = 0, 0
			commits = append(commits, c)
		}},
	})
	release := disk.hold()
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.Put(blob(0, 100)); err != nil {
			t.Error(err)
		}
	})
	<-disk.reached
	same := blob(99, 100)
	for i := range 10 { // each brings a chunk of its own and one that all bring
		all.Go(func() {
			if err := s.Put(blob(uint64(1+i), 100), same); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting := 0; waiting < 10; {
		s.group.mu.Lock()
		waiting = len(s.group.waiting)
		s.group.mu.Unlock()
	}
	release()
	all.Wait()
	if want := "[{1 0 0 0s 0s} {11 0 0 0s 0s}]"; fmt.Sprint(commits) != want {
		t.Errorf("commits are %v, want %v", commits, want)
	}
	holds(t, s, same)
	if n := filesOnDisk(t, s); n != 12 {
		t.Errorf("%d files for 12 chunks", n)
	}
}

func TestAFullDiskIsSaidAndPasses(t *testing.T) {
	mem := vfs.NewMem()
	d := &faultyDisk{err: syscall.ENOSPC, match: func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, chunksName)
	}}
	s := open(t, "state", Options{FS: errorfs.Wrap(mem, d)})
	kept, b := blob(1, 1000), blob(2, 300_000)
	mustPut(t, s, kept)

	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: journalReserve + 299_999, TotalBytes: 1 << 30})
	err := s.Put(b)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("no room: %v", err)
	}
	if err := s.Record(Record{"flow", []byte("waits for room")}); err != nil {
		t.Errorf("the journal has its reserve: %v", err)
	}
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: journalReserve + 300_000, TotalBytes: 1 << 30})

	d.at.Store(d.calls.Load() + 2) // in mid-chunk
	if err := s.Put(b); !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("full in mid-chunk: %v", err)
	}
	lacks(t, s, b)
	holds(t, s, kept)
	if n := filesOnDisk(t, s); n != 1 {
		t.Errorf("half a chunk is left over: %d files", n)
	}
	mustPut(t, s, b)
	holds(t, s, b)
}

// The journal's disk is full for a while: changes are refused, reading goes on, and nobody has to restart anything.
func TestAFailedJournalIsReadableAndRecovers(t *testing.T) {
	d := &faultyDisk{err: syscall.ENOSPC, forever: true, match: func(op errorfs.Op) bool {
		return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasPrefix(op.Path, "state/"+journalName)
	}}
	var told []string
	s := open(t, "state", Options{
		FS: errorfs.Wrap(vfs.NewMem(), d),
		Events: Events{
			JournalFailed:   func(err error) { told = append(told, "failed: "+firstLine(err)) },
			JournalReopened: func() { told = append(told, "reopened") },
		},
	})
	kept, b := blob(1, 1000), blob(2, 1000)
	mustPut(t, s, kept)
	d.at.Store(d.calls.Load() + 1)
	for range 3 {
		if err := s.Put(b); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("Put: %v", err)
		}
		if err := s.Record(Record{"flow", []byte("x")}); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("Record: %v", err)
		}
		if err := s.Delete(kept.ID); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("Delete: %v", err)
		}
		holds(t, s, kept)
		lacks(t, s, b)
	}
	if n := filesOnDisk(t, s); n > 2 {
		t.Errorf("%d files: refused calls pile up", n)
	}
	d.at.Store(0)
	mustPut(t, s, b)
	holds(t, s, b)
	holds(t, s, kept)
	if n := filesOnDisk(t, s); n != 2 {
		t.Errorf("%d files for 2 chunks", n)
	}
	if want := "[failed: no space left on device reopened]"; fmt.Sprint(told) != want {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A disk that is full when the store is opened, or becomes so in the middle of it, after an orderly end or a power cut: what is stored can be
// read, changes are refused, and are made once there is room.
func TestAFullDiskCanBeOpened(t *testing.T) {
	kept, b := blob(1, 1000), blob(2, 1000)
	for _, cut := range []bool{false, true} {
		for at, hit := int64(1), true; hit; at++ {
			disk := vfs.NewCrashableMem()
			before := open(t, "state", Options{FS: disk})
			mustPut(t, before, kept)
			if err := before.Record(Record{"flow", []byte("x")}); err != nil {
				t.Fatal(err)
			}
			if cut {
				disk = disk.CrashClone(vfs.CrashCloneCfg{})
			} else if err := before.Close(); err != nil {
				t.Fatal(err)
			}
			d := &faultyDisk{err: syscall.ENOSPC, forever: true, match: func(op errorfs.Op) bool {
				return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasPrefix(op.Path, "state/"+journalName+"/")
			}}
			d.at.Store(at)
			s := open(t, "state", Options{FS: errorfs.Wrap(disk, d)})
			hit = d.failed.Load() > 0
			holds(t, s, kept)
			if value, err := s.Lookup("flow"); err != nil || string(value) != "x" || s.Stats().Chunks != 1 {
				t.Fatalf("full at call %d: %q, %v, %+v", at, value, err, s.Stats())
			}
			if err := s.Put(b); hit && !errors.Is(err, ErrNoSpace) {
				t.Fatalf("full at call %d: %v", at, err)
			}
			holds(t, s, kept)
			if hit && at%2 == 0 { // it ends while the disk is full, and nothing is lost
				if err := s.Close(); err != nil {
					t.Fatalf("full at call %d: %v", at, err)
				}
				s = open(t, "state", Options{FS: disk})
			}
			d.at.Store(0)
			mustPut(t, s, b)
			holds(t, s, kept)
			holds(t, s, b)
		}
	}
	empty := &faultyDisk{err: syscall.ENOSPC, forever: true, match: func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }}
	empty.at.Store(1)
	if _, err := Open("state", Options{FS: errorfs.Wrap(vfs.NewMem(), empty)}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a new store on a full disk: %v", err)
	}
}
