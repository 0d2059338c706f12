// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/agent/window"
)

// Scenario is a question: a fleet, what is sent to it, and what befalls it meanwhile. Package planfile has checked it: names are known, numbers are
// in range, slices that must not be empty are not.
type Scenario struct {
	Name       string
	Start      time.Time     // the moment the simulation begins; its zone is that of locations which have none
	Horizon    time.Duration // what is not complete after so long is reported as such
	Seeds      []uint64      // a replica each
	Controller string        // of package ledbat

	Origin   Rate // what the origin sends at most in all; 0: no limit
	Regions  []Region
	Classes  []Class
	Contents []Content
	Orders   []Order
	Events   []Event
	Sweep    []Axis
}

// Rate is bits per second.
type Rate float64

// Region is a part of the fleet.
type Region struct {
	Name string
	Link Rate           // that its locations share towards the origin; 0: no limit
	Zone *time.Location // of its clocks; nil: that of Scenario.Start
}

// Class is a number of locations that are alike.
type Class struct {
	Name    string
	Region  int // index into Scenario.Regions
	Count   int
	Link    Link
	Hosts   Hosts
	Profile *Profile // of the foreground; never nil
	Direct  bool     // its hosts share nothing with one another: VPN, home workers
	Metered bool     // nothing is fetched in the background unless the order says so
	Only    []int    // indices of the locations that are played, ascending; nil: all of Count. What is drawn for them does not change
}

// Link is the WAN link of each location of a class. One value is drawn for each location.
type Link struct {
	Down, Up Dist   // bits per second
	RTT      Dist   // seconds, from a host to the origin and back, with empty queues
	Buffer   Dist   // seconds that the queue may take at the rate of the link
	AQM      string // as link.AQM names it; "": a plain queue (drop-tail)
	Loss     Dist   // 0..1, random

	Trace *Trace // the rate of the link downwards over time, instead of Down
}

// Trace is a rate that changes: Rates[i] holds from i*Step on, and it all begins anew at the end.
type Trace struct {
	Step  time.Duration
	Rates []Rate
}

// Hosts are the endpoints of each location of a class.
type Hosts struct {
	Count  Dist          // of each location; rounded, at least 1
	Online window.Window // hours in which they are on; zero: always
	LAN    Rate          // of each host
	Cache  Dist          // bytes a host may hold; a content larger than that is never complete on it
	Held   float64       // 0..1: part of the hosts that hold the previous version of each content that has one
}

// Profile is how busy the foreground keeps a link.
type Profile struct {
	Name string
	// Load is the share of the link downwards, 0..1, for each hour of the week, from Monday 00:00 in the location's zone.
	Load [7 * 24]float64
	// Sway is the standard deviation of a location's own factor on Load, drawn once a location: some are busier than others.
	Sway float64
}

// Content is what is sent.
type Content struct {
	Name    string
	Type    string
	Size    int64   // bytes
	Overlap float64 // 0..1: part of its bytes that the previous version has as well
}

// Order says who is to hold a content.
type Order struct {
	Content  int           // index into Scenario.Contents
	To       []int         // indices into Scenario.Classes
	At       time.Duration // since Scenario.Start
	Priority int           // higher is strictly first, as in package scheduler
	Window   window.Window // hours in which it is fetched; zero: always
	By       time.Duration // the deadline, since Scenario.Start; 0: none
	Metered  bool          // it is fetched over metered links as well
}

// EventKind is what befalls locations.
type EventKind string

// The kinds.
const (
	LinkDown EventKind = "link-down" // nothing passes the WAN link
	HubDown  EventKind = "hub-down"  // orders that were not heard of before are heard of afterwards; the origin is away
	Pause    EventKind = "pause"     // the operator pauses what Content names; -1: everything
	Reboot   EventKind = "reboot"    // each host is off for Down, at a moment of its own within For
	PowerCut EventKind = "power-cut" // all hosts of a location are off for For, together
)

// Event is something that befalls locations.
type Event struct {
	Kind    EventKind
	To      []int   // indices into Scenario.Classes; empty: all
	Share   float64 // 0..1: of these locations, drawn; 1: all
	At, For time.Duration
	Down    time.Duration // of each host, with Reboot
	Content int           // with Pause
}

// Axis is one value that is varied: the scenario is played for each combination of all axes.
type Axis struct {
	Name   string // the path of the key in the file, such as locations.shops.link.down
	Values []string
}

// PlaceName is what people call a location: the name of its class where that is one location, shops-0007 otherwise. It counts from 1.
func (s *Scenario) PlaceName(class, index int) string {
	c := &s.Classes[class]
	if c.Count == 1 {
		return c.Name
	}
	return fmt.Sprintf("%s-%0*d", c.Name, len(strconv.Itoa(c.Count)), index+1)
}
