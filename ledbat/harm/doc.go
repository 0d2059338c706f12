// SPDX-License-Identifier: Apache-2.0

// Package harm measures what our own flows do to others: the one-way delay that they add to a path.
//
// # Words
//
// A silence is a short time in which our flows over a path send no data. A window is a stretch of time in which the
// delay of the path is sampled: the on window while our flows send as they like, the off window at the end of a silence.
// A trial is one silence with its two windows; what the delay was more in the on window than in the off window makes a pair.
// A probe is a small datagram that is only there to be timed.
//
// # The experiment
//
// Time is cut into blocks, and a Plan puts one trial into each, at a random moment, so that nothing periodic can hide in
// it. A trial has the on window either right before the silence or some time after it, in random order, each order
// twice in four trials; so a trend of other traffic, and the drift of the clocks, cancel out.
//
//	on first    |==on==|--settle--|==off==|
//	off first          |--settle--|==off==|--settle--|==on==|
//	silence            ~~~~~~~~~~~~~~~~~~~
//
// During the settling nothing counts: our own queue drains, or comes back. It lasts a round trip and four times the queue,
// and as the round trip contains the queue, other traffic may use four fifths of the bottleneck and the queue is still
// gone. A window lasts four round trips, from 250 ms to one second. Controllers are told of the silence
// (ledbat.Pauser), so that they neither take the flow for idle nor have to find their window anew.
//
// In both windows the same probes are sent, ten in each, one at a random instant of each tenth. The average over them is
// without bias the average over time, which is what another flow meets that does not know of us ("Poisson Arrivals See Time
// Averages", RFC 2330, section 11.1; any spacing that is random enough will do: Baccelli, Machiraju, Veitch, Bolot, The role
// of PASTA in network measurement, 2006). Our data cannot be used for that: a datagram of ours finds the queue that
// the one before it has just lengthened. Being small and of equal size, the probes do not measure their own transmission; a
// trial's twenty are some 1,200 bytes on the wire, and those that were heard of are counted in the Report.
//
// Silences take 1.5 % of the time that our flows send. More and shorter ones would tell more for the same cost, were it
// not for the settling: a window about as long as that is the balance, because other traffic changes slower than
// that, and a longer window would look at the same state of it for longer.
//
// # The estimate
//
// A Series holds the last 512 pairs of a path. What is reported is their mean and the 95 % interval of Student for it: the
// delay that we add while we send, silences and the coming back from them left out. Not a robust mean: harm is an average, rare bad moments belong to it, and a trimmed one would hide them. Pairs are many
// seconds apart, so they count as independent. What could not be measured makes no pair: a trial in which
// more than a quarter of the probes of a window was not heard of, or a clock stepped (the delay jumped and the round trip
// did not). What is left of the drift of the clocks is taken out with the slope of the smallest delays.
//
// Nothing is claimed before there are ten pairs. An interval that contains zero means that no harm was found only if it
// ends below 5 ms; a wider one is no evidence, of anything.
//
// Several paths to one location are silent together, since they may share the bottleneck. Their pairs of one trial are
// averaged into one pair of the location. They are not combined with inverse variances as weights: paths of one trial
// are not independent, and as a queue that is long also varies, such weights would favour the paths without harm.
//
// # What is not promised
//
//   - How others would behave if we were not there at all. A silence is over before a TCP has noticed, so only the delay
//     that our datagrams cause at once is measured, not the rate that others lose or do not dare to take.
//   - The harm done to the way back, or beyond the point where the peer is.
//   - Bottlenecks that others use to more than four fifths for seconds: our queue then outlives the settling, and part of it
//     is taken for theirs. In a simulation with others at 0.85 of the link in bursts of a second the estimate is a quarter too low.
//   - Queues so full that probes are dropped: the worst delays are then missing.
package harm
