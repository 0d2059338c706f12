// SPDX-License-Identifier: Apache-2.0

// Package group makes many flows one: towards the network by one budget of one host, and among the hosts of a location by leases.
//
// # Words
//
// A Group is the flows of one host over one interface to one remote location. It has one ledbat.Controller; each flow
// holds a Share, which is a ledbat.Controller, too, and so serves any shim. A grant is the permission of one share to send some
// bytes. A lease is the permission of one host to use a part of the location's budget for a second.
//
// # How a group works
//
// Eight flows that each keep "at least two packets in flight" are sixteen packets that never yield, and eight controllers
// that each probe are eight times as rude. So the controller sees one flow: what any member sent, what was acknowledged to any,
// what any lost. Beneath it the members take turns. Who may not send waits in a queue; room, when acknowledgements make some
// and the pace allows it, is granted to the first who waits. Nobody has a reserved part: while one member waits alone, all
// is its own, and when another has something to send it gets every second grant from then on. A grant that is not used within
// a round trip, and a tenth of a second at least, because a busy host is late, lapses to the next.
//
// What differs between members is where they measure: each remote host has its own clock. A scale for each member finds what
// of its delays is queue, and the controller is told that, above a common base. A newcomer's base is inferred from
// what the others see, so that it is no latecomer.
//
// Members report at different times. What arrived is brought in order before the controller sees it, which costs it part of a round trip.
//
// A member that asks and leaves its grants unused is believed less and less often, until it sends.
//
// One member that falls silent is that member's misfortune; only when all are silent does the group time out. Until it is heard again
// its probes take no room in the window.
//
// # How leases work
//
// See Node: hosts report demand, the coordinator divides the budget, and each lease runs out by itself. What a Node may use is the Limit
// of its host's groups, and their Demand is what it asks for.
//
// # What is not promised
//
//   - Members are assumed to share their bottleneck. Those that do not, give way together all the same.
//   - A controller that measures round trips takes a member's longer path for a queue; one-way delays are brought to scale.
//   - A share whose owner does not say Waiting gets its turn all the same, but is believed to have more to send whenever it has used
//     up what it was granted; what it then leaves unused until the grant lapses is lost to the others.
//   - Fairness is in datagrams over time, not in windows.
package group
