// SPDX-License-Identifier: Apache-2.0

// Package demo runs a whole fleet on one machine: a hub and the endpoints of several locations as real processes, each
// location behind an emulated WAN link. A content is published, every endpoint fetches it, one endpoint is killed in
// the middle and started again, and at the end every copy is compared with the source.
//
// Each location has a network of its own, 127.0.10.0/24, 127.0.11.0/24 and so on: hosts of one network talk directly,
// everything else goes through the location's relay, which is the WAN link. The control port of the hub is reached
// directly: its few kilobytes are not part of the emulation, nor of the figures.
package demo
