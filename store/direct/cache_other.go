// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package direct

// Supported tells whether there is a way past the page cache on this system.
const Supported = false

func worthTrying(uintptr) bool { return false }

func avoidCache(uintptr, bool) error { return nil }
