// SPDX-License-Identifier: Apache-2.0

// Package scheduler decides what to fetch next, and from whom.
package scheduler
