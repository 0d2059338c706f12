// SPDX-License-Identifier: Apache-2.0

// Package linktest is a network in memory for tests of whole stacks: endpoints that
// send and receive datagrams as UDP sockets do, joined by paths that are
// [link.Link]s.
//
// It runs on the clock of its tests: inside a testing/synctest bubble in virtual
// time, elsewhere in real time. A [Path] is driven by one timer; there are no
// goroutines besides, and none once the [Network] is closed.
//
// # Words
//
// An Endpoint has an address, which [Endpoint.Rebind] changes in mid-flight, as a
// NAT does that forgets a mapping. A Path carries datagrams in one direction; a
// Route says which path those from one endpoint to another take, and several
// routes may share a path and so a bottleneck.
//
// # What is not promised
//
// In real time, datagrams are late by what timers are late by; link/relay does
// better. Under synctest arrival times are exact, but things that happen at the
// same instant happen in any order, so that two runs may differ in them.
package linktest
