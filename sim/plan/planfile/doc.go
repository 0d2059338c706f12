// SPDX-License-Identifier: Apache-2.0

// Package planfile reads the file that asks what a fleet will do: a plan.Scenario as people write it.
//
// # Words
//
// A file has locations: each name stands for a number of locations that are alike, a class of package plan. They have a link, hosts, a region and a
// profile. What differs between them is a distribution: one value, or {uniform: [a, b]}, {lognormal: {median: a, p95: b}}, {samples: [...]} or {csv: FILE},
// a value in each line. A moment is a time since the start, such as 36h, or a time of a calendar, 2030-01-31T06:00:00+01:00. A setting gives one
// key another value: what a sweep is made of.
//
// # Algorithm
//
// The document is read by package strict, names first, so that what refers to them may stand anywhere. Then the whole is held against itself: orders
// that contradict one another, deadlines that cannot be, fleets that no machine could play. All that is wrong is told at once.
//
// schema.json says the same for editors; a test holds the two against one another.
//
// # Not promised
//
// A file that is read may still ask for what can never be: a content that fits no cache, an order that metered links ignore. Notes say so; the engine
// gives the reason.
package planfile
