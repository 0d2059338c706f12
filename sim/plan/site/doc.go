// SPDX-License-Identifier: Apache-2.0

// Package site is one location of a scenario: what its hosts hold, what they lack, and which order may use its WAN link now.
//
// # Words
//
// A job is an order at this location. Its front is how much of the content is in the location: what crossed the WAN link, and what a
// previous version has already brought. A cohort is hosts that hold equally much of a content. A change is a moment that is known
// beforehand: an hour ends, a window opens, a link fails, a host is on again.
//
// # Algorithm
//
// Package flow and package packet drive the same Location: they differ only in where the bytes come from that cross its WAN link.
// Advance lets time pass at a given rate of content over the link. The rate is given to the jobs whose turn it is; hosts behind the front
// follow it over the LAN at the rate of their own links. Between changes all this is straight lines, so that the next thing that
// happens by itself (a front arrives at the end, a cohort catches up or is complete) is a division.
//
// # What is shared with the code that ships, and what is modelled
//
// Shared: the order of service (scheduler.Turn), how many hosts of a location fetch at a time (scheduler.Default), the hours (agent/window).
// Modelled: what is on the link beside us (package lane), which is the same whenever we fetch; that a location fetches each byte once, which is
// what package sim/swarm finds of agent.Core; that equals share alike; the LAN as a fluid; the time until an order is heard of and connections stand (Hearing). Hosts are alike: which of them is switched off does not
// matter, only how many hold how much.
//
// # Not promised
//
// Bytes that were on their way when a link failed are not fetched again; a host that fetches and is switched off is replaced at once; the
// LAN of a location is never the bottleneck but by its hosts' own links.
package site
