// SPDX-License-Identifier: Apache-2.0

// Package report folds what replicas of a plan say into what a planner asks: by when, whether the deadline is met and what would make it, what it
// costs, who waits and why. It prints that as text, JSON, CSV and as a page.
//
// # Words
//
// A figure is a mean over replicas with its 95 % confidence interval. A location is complete when its last host is. A quantile is that of one replica;
// the figure of a quantile is over those replicas in which it was reached, and says how many these are. A deadline is met when every location is in time in
// every replica, met by 95 % when that many are on average, and missed otherwise. A remedy is the same plan with one thing changed, played too.
//
// # Algorithm
//
// Add folds an outcome as soon as it is there and keeps a hundred points of each curve and one row a location, so that a replica of a million hosts costs
// what its locations cost. Intervals are by Student's t over replicas: replicas are independent, locations of one are not.
//
// # Not promised
//
// Intervals say how much chance moves a figure, not how wrong the model is: that is the error against the packet level, which is told beside it.
package report
