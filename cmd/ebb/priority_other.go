// SPDX-License-Identifier: Apache-2.0

//go:build !unix && !windows

package main

// lowerPriority does nothing here: the service manager sets the priority on this system.
func lowerPriority() {}
