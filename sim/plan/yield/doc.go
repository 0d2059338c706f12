// SPDX-License-Identifier: Apache-2.0

// Package yield knows what a controller makes of a path: how much of what the foreground leaves it uses, what a start takes, and what the
// foreground feels.
package yield
