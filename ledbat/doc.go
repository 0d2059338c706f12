// SPDX-License-Identifier: Apache-2.0

// Package ledbat decides how fast a flow may send so that it does not stand in the way of other traffic.
package ledbat
