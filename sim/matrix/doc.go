// SPDX-License-Identifier: Apache-2.0

// Package matrix says how well a controller gives way, and how well it uses what nobody else wants, on 23 kinds of network.
//
// # Words
//
// The primary is the other traffic; we are the flows of a controller. A scenario is one network with its primary, and a row of the matrix
// is a group of scenarios with one question. A scenario is run in up to three worlds of the same seed: beside, we and the primary; solo, the
// primary without us; alone, we without the primary.
//
// # Figures
//
// A figure is a number with a name; a bound on it is a target.
//
//   - ptr: what the primary gets beside us as a share of what it gets solo, over the same stretch of time, which begins when the later of
//     the two has come.
//   - u: our goodput alone as a share of what the link can carry: of its rate, the share that is payload in a datagram of ours
//     (1440 of 1468 bytes). Random loss is not taken off it; where a policer is slower than the link, its rate counts.
//   - q95_ms: the queue in front of the link alone, 95th percentile. Both are measured from 5 s on, if the row does not say otherwise.
//   - t_r_s: from when the primary has sent its last packet until our goodput in the next 100 ms is 80 % of what the link can carry. What does
//     not happen until the end of the run counts as that long.
//   - first_second: like ptr, in the first second of a primary that arrives.
//   - completion_pct: by how much more time the primary's transfers take on average beside us; page loads are complete pages.
//   - call_p99_ms: by how much the one-way delay of a call's packets grows beside us, at the 99th percentile.
//
// # How it works
//
// The table is data: functions of an Edition give the scenarios of each row, in the full edition or a short one for tests. Jobs lists what is
// to be run, Run runs one job, and Reduce makes of all results one Row for each scenario and controller: the median over the seeds, and
// in extra the worst. The three are pure, so that who calls them may run jobs on as many cores as there are: the rows are the same.
//
// A seed decides random losses and delays, the sizes and times of short transfers, and when within half a second each side begins.
//
// # Cost
//
// The full edition with one seed is about five CPU minutes for one controller. Row 4 has 180 scenarios of up to 500 Mbit/s: each lasts as
// long as 500,000 packets do, within 20 s and 60 s, so that a slow link is seen for 60 s and a fast one for 20 s (and at least 100 round trips).
//
// # What is not promised
//
// Our flows send no payload a second time; goodput is what arrived. A median of five seeds has no confidence interval.
package matrix
