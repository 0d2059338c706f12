// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// ring is how many packets a device holds until the loop reads them: more than the largest bursts of a few flows in a grain. It is the
// device's txqueuelen.
const ring = 1000

// A device is a TUN device that never waits. It lives as long as it is open.
type device struct{ fd int }

// openDevice makes the device of an end and brings it up.
func openDevice(e End, mtu int) (d *device, err error) {
	err = In(e.Namespace, func() error {
		if d, err = makeDevice(); err != nil {
			return err
		}
		if err := configure(e.Address, mtu); err != nil {
			return errors.Join(err, d.close())
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrNoNamespace):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("tun: the device %s in %s: %w", Device, e.Namespace, err)
	}
	return d, nil
}

// makeDevice makes it in the namespace of the calling thread.
func makeDevice() (*device, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("%w: %w", ErrNoTUN, err)
	}
	if err != nil {
		return nil, denied(fmt.Errorf("open /dev/net/tun: %w", err))
	}
	d := &device{fd}
	request, err := unix.NewIfreq(Device)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return nil, errors.Join(denied(fmt.Errorf("make it: %w", err)), d.close())
	}
	return d, nil
}

// configure gives it all it needs, and last of all brings it up.
func configure(address netip.Prefix, mtu int) error {
	// Nothing but what somebody sends shall pass. Without IPv6 there is nothing to be switched off.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+Device+"/disable_ipv6", []byte("1"), 0)
	mask := net.CIDRMask(address.Bits(), 32)
	return request(Device, []setting{
		{"its MTU", unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(uint32(mtu)); return nil }},
		{"its ring", unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) error { r.SetUint32(ring); return nil }},
		{"its address", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(address.Addr().AsSlice()) }},
		{"its network", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask) }},
		up,
	})
}

// A setting is one ioctl of netdevice(7).
type setting struct {
	what string
	code uint
	fill func(*unix.Ifreq) error
}

var up = setting{"it up", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }}

// request makes settings of a device in the namespace of the calling thread.
func request(name string, settings []setting) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	for _, x := range settings {
		r, err := unix.NewIfreq(name)
		if err == nil {
			err = x.fill(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, x.code, r)
		}
		if err != nil {
			return denied(fmt.Errorf("set %s: %w", x.what, err))
		}
	}
	return nil
}

// read copies the next packet to b, if there is one.
func (d *device) read(b []byte) (n int, ok bool, err error) {
	n, err = unix.Read(d.fd, b)
	switch {
	case err == nil:
		return n, true, nil
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return 0, false, nil
	}
	return 0, false, fmt.Errorf("tun: read from a device, which somebody may have removed: %w", err)
}

func (d *device) write(b []byte) error {
	_, err := unix.Write(d.fd, b)
	return err
}

func (d *device) close() error { return unix.Close(d.fd) }

// permitted says which capabilities are missing, if any is.
func permitted() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("tun: read the capabilities: %w", err)
	}
	has := uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
	for _, c := range []struct {
		name string
		bit  uint
		why  string
	}{{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, "make a TUN device"}, {"CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN, "enter a network namespace"}} {
		if has&(1<<c.bit) == 0 {
			return fmt.Errorf("%w: %s is missing, which it takes to %s", ErrDenied, c.name, c.why)
		}
	}
	return nil
}

// denied adds ErrDenied to what the system has forbidden.
func denied(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: %w", ErrDenied, err)
	}
	return err
}
