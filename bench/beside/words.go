// SPDX-License-Identifier: Apache-2.0

package beside

import "time"

// Spec is what a crowd is. Guest i of it is in Locations[i%len(Locations)].
type Spec struct {
	Hub       string   // control port
	Dir       string   // state directories of the guests are made in there
	First     int      // number of the first guest
	Tokens    []string // one a guest
	Locations []string
}

// What an Event tells.
const (
	Enrolled = "enrolled" // and begins with the first order
	Up       = "up"       // the bus is there, for the first time or again
	Synced   = "synced"   // news were exchanged, while watched
	Asked    = "asked"    // the hub was asked something, while watched: news, or those of a location
	Failed   = "failed"   // an exchange of news was not possible
	Applied  = "applied"  // a document was written down, and is obeyed
	Wrong    = "wrong"    // something that must not be; Text says what
	Stands   = "stands"   // answer to Ask: Text is the root of what is held, Version how many flows are being fetched
)

// Event is what a guest tells. Times are those of the machine's clock, which all processes have in common.
type Event struct {
	What    string
	Guest   int
	At      time.Time
	Version uint64 `json:",omitempty"` // of a document
	Idle    bool   `json:",omitempty"` // no flow of the guest is being fetched now
	Text    string `json:",omitempty"`
}

// Order is what a crowd is told. With the first one its guests begin.
type Order struct {
	Watch bool   `json:",omitempty"` // tell every exchange of news, and every question to the hub, from now on, or no more
	Fetch string `json:",omitempty"` // every guest begins to fetch this content
	Ask   bool   `json:",omitempty"` // every guest tells how it Stands
	Deaf  bool   `json:",omitempty"` // what comes over the bus is lost from now on, or no more
}
