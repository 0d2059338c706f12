// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tun

// A Tunnel cannot be had on this system.
type Tunnel struct{}

// Start says that it needs Linux.
func Start(Config) (*Tunnel, error) { return nil, ErrNotLinux }

// In says that it needs Linux.
func In(string, func() error) error { return ErrNotLinux }

// Failed never says anything.
func (*Tunnel) Failed() <-chan error { return nil }

// Stats are none.
func (*Tunnel) Stats() Stats { return Stats{} }

// Close has nothing to do.
func (*Tunnel) Close() error { return nil }
