// SPDX-License-Identifier: Apache-2.0

// Package packet plays the locations of a scenario datagram by datagram, with the controllers and the shim that ship.
//
// # Algorithm
//
// A location (package site) is the same as in package flow: the same draws, hours, events and order of service. Only where its bytes come from
// differs: while it wants some, a lane (package lane) runs beside it, with the same foreground, transfer by transfer, and every tenth of a second
// what has arrived is given to the location. When it wants nothing for longer than a second the lane ends, and the next one begins with
// a controller that knows nothing. A second lane, on which only the foreground is, says which delay we add.
//
// # Not promised
//
// Each location is alone: links of regions and of the origin are not there. A link that fails is away from one moment to the next, and the
// conversation begins anew afterwards. The LAN is the fluid of package site. Hours in which nothing is fetched are not played.
package packet
