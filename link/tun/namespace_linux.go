// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// named is where ip-netns(8) keeps the namespaces that have names.
const named = "/run/netns"

const ownNamespace = "/proc/thread-self/ns/net"

// path is the file of a namespace.
func path(namespace string) string {
	if strings.Contains(namespace, "/") {
		return namespace
	}
	return filepath.Join(named, namespace)
}

// In calls do on a thread that is in the namespace: sockets that it opens, and processes that it starts, belong there. What do starts as
// goroutines does not.
func In(namespace string, do func() error) error {
	there, err := unix.Open(path(namespace), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%w: %s", ErrNoNamespace, namespace)
	}
	if err != nil {
		return denied(fmt.Errorf("open the namespace %s: %w", namespace, err))
	}
	defer unix.Close(there)
	return away(func() error {
		if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
			return denied(fmt.Errorf("enter the namespace %s: %w", namespace, err))
		}
		return do()
	})
}

// away calls do on a thread of its own, which may go to another network namespace. The thread is brought home, or else it ends.
func away(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- err
			return
		}
		defer unix.Close(home)
		err = do()
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// create makes a namespace with a name, and brings up its loopback device.
func create(namespace string) (err error) {
	if strings.Contains(namespace, "/") {
		return fmt.Errorf("%w: a namespace is created under a name, and %s is a path", ErrConfig, namespace)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("tun: create the namespace %s: %w", namespace, denied(err))
		}
	}()
	if err := shareNames(); err != nil {
		return err
	}
	name := path(namespace)
	f, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w; use it without creating it, or remove it: ip netns del %s", ErrExists, namespace)
	}
	if err != nil {
		return err
	}
	f.Close()
	err = away(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if err := unix.Mount(ownNamespace, name, "none", unix.MS_BIND, ""); err != nil {
			return err
		}
		return request("lo", []setting{up})
	})
	if err != nil {
		return errors.Join(err, remove(namespace))
	}
	return nil
}

// shareNames makes names appear in all mount namespaces, as ip-netns(8) does.
func shareNames() error {
	if err := os.MkdirAll(named, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", named, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	// It is no mount point yet.
	if err := unix.Mount(named, named, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", named, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// remove takes a namespace's name away. It ends with the last process in it.
func remove(namespace string) error {
	name := path(namespace)
	if err := unix.Unmount(name, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("tun: remove the namespace %s: %w", namespace, err)
	}
	return os.Remove(name)
}
