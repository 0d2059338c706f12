// SPDX-License-Identifier: Apache-2.0

// Package udp sends and receives datagrams many at a time.
package udp
