// SPDX-License-Identifier: Apache-2.0

// Package plan holds what capacity planning speaks of: a Scenario is the question, an Outcome what one seed answers, a Report what all of them say.
//
// # Words
//
// A region is a part of the fleet whose locations may share a link to the origin. A class is a number of locations that are alike: what differs
// between them is drawn from distributions. A profile is how busy a link's foreground keeps it, by the hour of the week. An order says that a
// content is to be held by some classes, by when, how urgently, in which hours. A replica is one run with one seed.
//
// # Use
//
// Package planfile reads a Scenario from a file and names everything that is wrong with it. Package flow plays it with bytes as a fluid, for
// thousands of locations; package packet plays one location datagram by datagram with the code that ships. Both give an Outcome. Package report
// folds the outcomes of all seeds and prints them.
//
// # Randomness
//
// What is drawn for a location is keyed by (seed, class, index in it, purpose): see Stream. Adding a location, or a draw for another purpose, does not change the others.
package plan
