// SPDX-License-Identifier: Apache-2.0

// Package discovery decides which addresses are dialled of which nobody has said who is there.
//
// Words. A *place* is an address, host and port, where a host of the fleet may be. It was *heard* on the own network, in answer to a
// question that was asked there, or it is *static*: the operator wrote it down. A place has no name until somebody there has shown a
// certificate; until then it is a hint and nothing is believed.
//
// Algorithm. The hub's list of a location's members comes first, so nothing is done unless somebody is wanted. While neighbours are lacking
// the static places are dialled; while the hub is away, too, the network is asked, first at once and then ever more seldom, and what was
// heard is dialled. Who has shown a certificate of the fleet is known by name from then on, and the address book dials it; the place rests.
//
// Anybody on the network may answer. So what is kept of it is bounded: so many places, so many of one address, the others pushed out at
// random; and so are the dials: one after the other with a pause between, a few under way, and a place where nobody of the fleet answers is
// left out after a few. Places where somebody did are not pushed out.
//
// What is announced. A random name that lasts as long as the process, the ports, and a tag: a keyed hash of that name under the key of the
// fleet's CA. Who has the CA's certificate sees that the host is of the fleet; others see neither which fleet that is nor whether two
// hosts are of the same. Nothing says what a host holds or wants, what it is called or where it belongs.
//
// It is not promised that a flood of forged answers leaves room for every true one: those that do not get in are heard at the next question.
package discovery
