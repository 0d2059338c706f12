// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/link"
)

// What can be missing.
var (
	ErrNotLinux    = errors.New("network namespaces and TUN devices need Linux")
	ErrDenied      = errors.New("not permitted")
	ErrNoTUN       = errors.New("/dev/net/tun is missing")
	ErrNoNamespace = errors.New("no such network namespace")
	ErrExists      = errors.New("the network namespace exists")
	ErrConfig      = errors.New("not possible")
)

const (
	// DefaultMTU is that of the devices when a Config has none.
	DefaultMTU = 1500
	// Device is the name of the TUN device in both namespaces.
	Device = "ebb0"
	// SampleEvery is how often Config.Sampled is called.
	SampleEvery = 10 * time.Millisecond
	// LateBy is what a packet may be late by and not be counted.
	LateBy = time.Millisecond
)

// An End is one side of the tunnel.
type End struct {
	// Namespace is a name under /run/netns, or a path if it has a slash in it, such as /proc/4711/ns/net.
	Namespace string
	// Address of the device, IPv4, with the length of its network.
	Address netip.Prefix
}

// Config of a tunnel.
type Config struct {
	Left, Right End
	// Create makes the namespaces, and Close removes them.
	Create bool
	// Forward is what happens from left to right, Reverse from right to left. A zero MTU is that of the devices.
	Forward, Reverse link.Config
	MTU              int // of the devices; 0: DefaultMTU
	// Sampled is told how full the links are. It is called by the loop and must not wait. May be nil.
	Sampled func(Sample)
}

// A Sample is the state of both directions at a moment.
type Sample struct {
	At               time.Time
	Forward, Reverse Queue
}

// A Queue is the state of one direction.
type Queue struct {
	// Delay is how long a packet that came now would wait for its first bit to leave.
	Delay time.Duration
	// Left and Dropped count packets since the start: those that have come out at the other end, and those that never will.
	Left, Dropped link.Count
	// Late is how many of those that came out did so more than LateBy after they were due.
	Late int64
}

// Stats of a tunnel since its start.
type Stats struct {
	Forward, Reverse Direction
}

// Direction is what one way has done.
type Direction struct {
	Link   link.Stats
	Full   int64 // packets that came to no link: more than its memory holds
	Unsent int64 // packets that have passed, and then the system refused them
	// Late counts the packets that came out more than LateBy after they were due, because the machine was busy; Latest is the worst.
	Late   int64
	Latest time.Duration
}

// complete checks c and fills in what is left out.
func (c Config) complete() (Config, error) {
	if c.MTU == 0 {
		c.MTU = DefaultMTU
	}
	if c.MTU < 576 || c.MTU > 65535 {
		return c, fmt.Errorf("%w: an MTU of %d bytes; give 576 to 65535", ErrConfig, c.MTU)
	}
	for _, e := range []End{c.Left, c.Right} {
		if e.Namespace == "" {
			return c, fmt.Errorf("%w: an end without a namespace", ErrConfig)
		}
		if !e.Address.IsValid() || !e.Address.Addr().Is4() || e.Address.Bits() > 30 {
			return c, fmt.Errorf("%w: the address %v of %s; give an IPv4 address and a network of at most 30 bits, such as 10.99.0.1/30",
				ErrConfig, e.Address, e.Namespace)
		}
	}
	if c.Left.Namespace == c.Right.Namespace {
		return c, fmt.Errorf("%w: both ends in %s; the kernel would not send from one to the other over a device", ErrConfig, c.Left.Namespace)
	}
	if c.Left.Address.Masked() != c.Right.Address.Masked() || c.Left.Address == c.Right.Address {
		return c, fmt.Errorf("%w: %v and %v; the ends need two addresses of one network", ErrConfig, c.Left.Address, c.Right.Address)
	}
	for _, d := range []struct {
		name string
		link *link.Config
	}{{"forward", &c.Forward}, {"reverse", &c.Reverse}} {
		if d.link.MTU == 0 {
			d.link.MTU = c.MTU + d.link.Overhead
		}
		if err := d.link.Validate(); err != nil {
			return c, fmt.Errorf("%w: the %s %w", ErrConfig, d.name, err)
		}
	}
	return c, nil
}
