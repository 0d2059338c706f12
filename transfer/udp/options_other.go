// SPDX-License-Identifier: Apache-2.0

//go:build (portable && linux) || (!linux && !darwin && !windows)

package udp

// dontFragment leaves the decision to the system.
func dontFragment(uintptr) {}
