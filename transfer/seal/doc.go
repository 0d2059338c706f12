// SPDX-License-Identifier: Apache-2.0

// Package seal closes and opens the datagrams of one conversation under keys that came out of its handshake.
package seal
