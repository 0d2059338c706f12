// SPDX-License-Identifier: Apache-2.0

// Package stage measures the parts of a transfer one by one, inside this process, so that what a whole transfer
// costs can be laid beside what its parts cost.
//
// # Words
//
// A stage is one step that every byte takes on its way from the source's disk to the sink's: it is run alone, on as many bytes as
// asked, with both of its ends where it has two. Its cost is the wall clock and this process's CPU time, split into user and
// system. A pair is two whole daemons in this process, over real sockets on loopback and two stores on disk.
//
// # What is not promised
//
// Stages are run with warm caches and nothing else to do, so their sum is less than the whole. Nothing else should run
// in this process meanwhile: it would be counted.
package stage
