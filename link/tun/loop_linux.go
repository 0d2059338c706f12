// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link"
)

const (
	// grain is how long the loop leaves the devices alone after a pass that had something to do.
	grain = 250 * time.Microsecond
	// batch is how many packets are read from a device before others get their turn.
	batch = 256
	// priority of the loop's thread under SCHED_FIFO, the lowest there is: above all ordinary programs, below everything else.
	priority = 1
)

// A Tunnel runs until Close.
type Tunnel struct {
	left, right *device
	created     []string // namespaces to be removed
	bell        int      // an eventfd that ends the loop
	running     sync.WaitGroup
	failed      chan error
	sampled     func(Sample)

	mu               sync.Mutex // guards everything below; the loop holds it while it passes
	closed           bool
	forward, reverse *way
}

// Start makes what is missing, opens the devices and begins to carry packets.
func Start(c Config) (t *Tunnel, err error) {
	if c, err = c.complete(); err != nil {
		return nil, err
	}
	if err := permitted(); err != nil {
		return nil, err
	}
	t = &Tunnel{failed: make(chan error, 1), sampled: c.Sampled, bell: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.release())
			t = nil
		}
	}()
	if c.Create {
		for _, e := range []End{c.Left, c.Right} {
			if err := create(e.Namespace); err != nil {
				return t, err
			}
			t.created = append(t.created, e.Namespace)
		}
	}
	if t.left, err = openDevice(c.Left, c.MTU); err != nil {
		return t, err
	}
	if t.right, err = openDevice(c.Right, c.MTU); err != nil {
		return t, err
	}
	if t.bell, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return t, fmt.Errorf("tun: create an eventfd: %w", err)
	}
	now := time.Now()
	// One byte more than a device should ever give, so that larger packets show.
	t.forward = &way{link: link.New[*packet](now, c.Forward), from: t.left, to: t.right, room: c.MTU + 1}
	t.reverse = &way{link: link.New[*packet](now, c.Reverse), from: t.right, to: t.left, room: c.MTU + 1}
	t.running.Go(t.run)
	return t, nil
}

// Failed says why the loop has ended before Close: a device was removed, say.
func (t *Tunnel) Failed() <-chan error { return t.failed }

// Stats returns the counters.
func (t *Tunnel) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{t.forward.direction(), t.reverse.direction()}
}

// Close ends the tunnel and removes what Start made; what is on the way is lost.
func (t *Tunnel) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	if !first {
		return nil
	}
	_, _ = unix.Write(t.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	t.running.Wait()
	return t.release()
}

// release gives back everything that is held.
func (t *Tunnel) release() error {
	var errs []error
	for _, d := range []*device{t.left, t.right} {
		if d != nil {
			errs = append(errs, d.close())
		}
	}
	if t.bell >= 0 {
		errs = append(errs, unix.Close(t.bell))
	}
	for _, name := range t.created {
		errs = append(errs, remove(name))
	}
	return errors.Join(errs...)
}

// run is the loop, until Close or until a device fails.
func (t *Tunnel) run() {
	runtime.LockOSThread() // never unlocked: nobody else shall have the thread's priority
	hurry()
	polls := []unix.PollFd{{Fd: int32(t.bell), Events: unix.POLLIN}, {Fd: int32(t.left.fd), Events: unix.POLLIN},
		{Fd: int32(t.right.fd), Events: unix.POLLIN}}
	next := time.Now().Add(SampleEvery)
	var looked time.Time // when it began to look away; zero: it has watched all the time
	for {
		now := time.Now()
		blind := time.Duration(0)
		if !looked.IsZero() {
			blind = min(now.Sub(looked), 2*grain) // longer is a stall, of which nothing can be said
		}
		if !now.Before(next) {
			t.sample(now)
			next = later(next.Add(SampleEvery), now)
		}
		w, err := t.pass(now, blind)
		looked = time.Time{}
		switch {
		case errors.Is(err, errClosed):
			return
		case err != nil:
			t.failed <- err
			return
		case w.read >= batch: // there may be more
		case w.read+w.written > 0:
			looked = now
			sleep(polls[:1], grain)
		default:
			// Half a grain early, because that is about how late a sleep ends.
			wake := w.deadline.Add(-grain / 2)
			if w.deadline.IsZero() || next.Before(wake) {
				wake = next
			}
			sleep(polls, time.Until(wake))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

var errClosed = errors.New("closed")

// work is what a pass has done, and when the next link's packet is due.
type work struct {
	read, written int // packets; read: of the device that had more
	deadline      time.Time
}

// pass reads what has come, and writes what will have passed by half a grain from now, or half the time that the loop was blind. What came
// meanwhile came in the middle of that time, as far as anybody knows.
func (t *Tunnel) pass(now time.Time, blind time.Duration) (done work, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return done, errClosed
	}
	came := func() time.Time { return time.Now().Add(-blind / 2) }
	for _, w := range []*way{t.forward, t.reverse} {
		n, err := w.read(came)
		if err != nil {
			return done, err
		}
		done.read = max(done.read, n)
	}
	due := now.Add(max(grain, blind) / 2)
	for _, w := range []*way{t.forward, t.reverse} {
		done.written += w.deliver(due, time.Now)
		if d := w.link.Deadline(); done.deadline.IsZero() || !d.IsZero() && d.Before(done.deadline) {
			done.deadline = d
		}
	}
	return done, nil
}

func (t *Tunnel) sample(now time.Time) {
	if t.sampled == nil {
		return
	}
	t.mu.Lock()
	s := Sample{At: now, Forward: t.forward.queue(now), Reverse: t.reverse.queue(now)}
	t.mu.Unlock()
	t.sampled(s)
}

// sleep returns after d, when there is something to read, or at once if d has passed. It may return early.
//
// The system call is made behind the back of Go's scheduler. Told of it, the scheduler would take the goroutine's processor away at each of
// some thousand sleeps a second and look for a new one afterwards: that costs several times as much as everything else here, and when the
// process has other goroutines it makes the loop late. Now the loop keeps one processor of GOMAXPROCS to itself, and a garbage collection waits
// until it wakes up, which is SampleEvery at most.
func sleep(polls []unix.PollFd, d time.Duration) {
	limit := unix.NsecToTimespec(int64(max(0, d)))
	// An error is EINTR: an early return.
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(polls))), uintptr(len(polls)),
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
}

// hurry asks for the thread to run when it wants to, as exactly as timers go. What the system refuses is left as it is.
func hurry() {
	if unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: priority}, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -20)
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}
