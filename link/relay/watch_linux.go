// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A watch waits until there is something to read on any of its sockets. It waits in
// ppoll, whose time-out is exact to some tens of microseconds; the runtime's own
// poller, and so every Go timer, counts in whole milliseconds.
type watch struct {
	polls []unix.PollFd // the first is bell
	bell  int           // an eventfd
}

func newWatch() (*watch, error) {
	bell, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("relay: create an eventfd: %w", err)
	}
	return &watch{bell: bell, polls: []unix.PollFd{{Fd: int32(bell), Events: unix.POLLIN}}}, nil
}

// wait returns when there is something to read, after d unless d is negative, or once
// ring was called. It may return early.
func (w *watch) wait(d time.Duration) { poll(w.polls, d) }

// sleep returns after d, whatever there is to read, or once ring was called. It may
// return early.
func (w *watch) sleep(d time.Duration) { poll(w.polls[:1], d) }

func poll(polls []unix.PollFd, d time.Duration) {
	var limit *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(int64(d))
		limit = &t
	}
	_, _ = unix.Ppoll(polls, limit, nil) // an error is EINTR: an early return
}

// ring ends wait and sleep, now and for good.
func (w *watch) ring() { _, _ = unix.Write(w.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (w *watch) close() error { return unix.Close(w.bell) }
