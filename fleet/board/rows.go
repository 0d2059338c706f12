// SPDX-License-Identifier: Apache-2.0

package board

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// What follows are documents of the console's API: a field may be added, none is ever renamed or removed. Bytes are bytes, rates are
// bits per second, delays milliseconds, times RFC 3339 in UTC; null is what is not known.

// Flows counts flows by what they are doing.
type Flows struct {
	Resolving  int `json:"resolving"`
	Fetching   int `json:"fetching"`
	Waiting    int `json:"waiting"` // fetching, and nothing comes
	Assembling int `json:"assembling"`
	Paused     int `json:"paused"`
	Done       int `json:"done"` // lately
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
}

// Open is how many have not ended.
func (f Flows) Open() int { return f.Resolving + f.Fetching + f.Waiting + f.Assembling + f.Paused }

func (f *Flows) count(state string) {
	switch state {
	case "resolving":
		f.Resolving++
	case "fetching":
		f.Fetching++
	case "waiting":
		f.Waiting++
	case "assembling":
		f.Assembling++
	case "paused":
		f.Paused++
	case "done":
		f.Done++
	case "failed":
		f.Failed++
	case "cancelled":
		f.Cancelled++
	}
}

// Bytes is what came in, by where it came from, and how much of that was of no use.
type Bytes struct {
	LAN    int64 `json:"lan_bytes"`
	WAN    int64 `json:"wan_bytes"`
	Origin int64 `json:"origin_bytes"`
	Wasted int64 `json:"wasted_bytes"`
}

// Saved is the share that came from neighbours, and so did not cross a WAN link; null when nothing came.
func (b Bytes) Saved() *float64 {
	all := b.LAN + b.WAN + b.Origin
	if all == 0 {
		return nil
	}
	share := float64(b.LAN) / float64(all)
	return &share
}

// Far is what crossed WAN links.
func (b Bytes) Far() int64 { return b.WAN + b.Origin }

func (b *Bytes) add(c Bytes) {
	b.LAN, b.WAN, b.Origin, b.Wasted = b.LAN+c.LAN, b.WAN+c.WAN, b.Origin+c.Origin, b.Wasted+c.Wasted
}

// Now is what moves at the moment.
type Now struct {
	LAN   float64  `json:"lan_bits_per_second"`
	WAN   float64  `json:"wan_bits_per_second"`
	Queue *float64 `json:"queue_delay_ms"` // the longest; null: nobody sends
}

// Progress is how far the open flows are.
type Progress struct {
	Have int64 `json:"have_bytes"`
	Size int64 `json:"size_bytes"`
}

// Share is 0 to 1; null when nothing is open.
func (p Progress) Share() *float64 {
	if p.Size == 0 {
		return nil
	}
	share := float64(p.Have) / float64(p.Size)
	return &share
}

// Hosts counts hosts.
type Hosts struct {
	Online   int `json:"online"`
	Silent   int `json:"silent"`   // not heard for a minute
	Fetching int `json:"fetching"` // with an open flow
	Refusing int `json:"refusing"` // that serve nobody now
	Apart    int `json:"apart"`    // that do not reach another one of their location, or are not reached, though both are there
}

// Total is all that are remembered.
func (h Hosts) Total() int { return h.Online + h.Silent }

// Harm is the delay that our flows add to others on the way into a location, as who sends there has measured it.
type Harm struct {
	Verdict string   `json:"verdict"` // harm, none found, no evidence
	Added   *float64 `json:"added_delay_ms"`
	Low     *float64 `json:"low_ms"`
	High    *float64 `json:"high_ms"`
}

// Waiting is one cause of waiting, over the whole fleet or a part of it.
type Waiting struct {
	Reason    string   `json:"reason"` // code
	Flows     int      `json:"flows"`
	Locations []string `json:"locations"` // in which it occurs, at most 8, those with the most first
	More      int      `json:"more_locations"`
}

// Overview is the fleet as a whole.
type Overview struct {
	Time          time.Time `json:"time"`
	Hosts         Hosts     `json:"hosts"`
	Locations     int       `json:"locations"`
	Moving        int       `json:"locations_moving"` // where something is being fetched
	Contents      int       `json:"contents"`
	Flows         Flows     `json:"flows"`
	Progress      Progress  `json:"progress"`
	Now           Now       `json:"now"`
	Bytes         Bytes     `json:"bytes"`
	Saved         *float64  `json:"wan_saved"`         // share of what came in that came from neighbours
	Amplification *float64  `json:"wan_amplification"` // over all locations and contents that some host there holds whole
	Harm          Harm      `json:"harm"`              // of the location where it is worst
	HarmAt        string    `json:"harm_location,omitempty"`
	Harmed        int       `json:"locations_harmed"`
	Measured      int       `json:"locations_measured"`
	Waiting       []Waiting `json:"waiting"`
}

// Location is one location in a table.
type Location struct {
	Name          string   `json:"location"`
	Region        string   `json:"region,omitempty"`
	Hosts         Hosts    `json:"hosts"`
	Flows         Flows    `json:"flows"`
	Progress      Progress `json:"progress"`
	Now           Now      `json:"now"`
	Bytes         Bytes    `json:"bytes"`
	Saved         *float64 `json:"wan_saved"`
	Amplification *float64 `json:"wan_amplification"`
	Harm          Harm     `json:"harm"`
	Down          int64    `json:"link_down_bits_per_second,omitempty"` // of its WAN link, as the topology says
	Up            int64    `json:"link_up_bits_per_second,omitempty"`
	Reason        string   `json:"reason,omitempty"` // the most frequent one for which flows wait
}

// Content is one content in a table.
type Content struct {
	ID        content.ID `json:"id"`
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Type      string     `json:"type"`
	Tree      bool       `json:"tree"`
	Size      int64      `json:"size_bytes"`
	Distinct  int64      `json:"distinct_bytes"` // of its distinct chunks
	Chunks    int        `json:"chunks"`
	Files     int        `json:"files"`
	Created   time.Time  `json:"created"`
	Current   bool       `json:"current"` // its name stands for it
	Whole     int        `json:"hosts_whole"`
	Part      int        `json:"hosts_part"`
	Locations int        `json:"locations_whole"` // in which some host has held all of it

	Flows         Flows    `json:"flows"`
	Progress      Progress `json:"progress"`
	Rate          float64  `json:"rate_bits_per_second"`
	Bytes         Bytes    `json:"bytes"`
	Saved         *float64 `json:"wan_saved"`
	Amplification *float64 `json:"wan_amplification"`
}

// Type is all contents of one content type.
type Type struct {
	Type     string   `json:"type"`
	Contents int      `json:"contents"`
	Size     int64    `json:"size_bytes"`
	Whole    int      `json:"hosts_whole"` // copies, over all contents
	Flows    Flows    `json:"flows"`
	Progress Progress `json:"progress"`
	Rate     float64  `json:"rate_bits_per_second"`
	Bytes    Bytes    `json:"bytes"`
	Saved    *float64 `json:"wan_saved"`
}

// Flow is one flow of one host.
type Flow struct {
	Peer     string     `json:"peer"`
	Location string     `json:"location"`
	ID       string     `json:"id"`
	Content  content.ID `json:"content,omitzero"`
	Name     string     `json:"name"` // of the content, or what was asked for
	Type     string     `json:"type,omitempty"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Progress Progress   `json:"progress"`
	Rate     float64    `json:"rate_bits_per_second"`
	Priority int        `json:"priority"`
}

// Host is one host in a table.
type Host struct {
	Peer     string     `json:"peer"`
	Location string     `json:"location"`
	Subnet   string     `json:"subnet,omitempty"`
	Link     fleet.Link `json:"link,omitempty"`
	Online   bool       `json:"online"`
	Seen     time.Time  `json:"seen"`
	Refuses  string     `json:"refuses,omitempty"` // why it serves nobody
	Flows    Flows      `json:"flows"`
	Progress Progress   `json:"progress"`
	Rate     float64    `json:"rate_bits_per_second"`
	Whole    int        `json:"contents_whole"`
	Part     int        `json:"contents_part"`
	Apart    []string   `json:"apart,omitempty"` // hosts of its location that it does not reach though both are there
}

// Held is how much of a content a host holds.
type Held struct {
	Content  content.ID `json:"content"`
	Name     string     `json:"name"`
	Type     string     `json:"type,omitempty"`
	Chunks   int        `json:"chunks"`
	Of       int        `json:"of_chunks"`
	Complete bool       `json:"complete"`
}

// LocationPage is everything of one location.
type LocationPage struct {
	Location
	Subnets  []string  `json:"subnets"`
	Near     []string  `json:"near"`
	Peers    []Host    `json:"-"` // all, by name
	Contents []Share   `json:"contents"`
	Waiting  []Waiting `json:"waiting"`
}

// Share is how one content stands in one location.
type Share struct {
	Location      string     `json:"location"`
	Content       content.ID `json:"content"`
	Name          string     `json:"name"`
	Type          string     `json:"type,omitempty"`
	Whole         int        `json:"hosts_whole"`
	Part          int        `json:"hosts_part"`
	Flows         Flows      `json:"flows"`
	Progress      Progress   `json:"progress"`
	Rate          float64    `json:"rate_bits_per_second"`
	Bytes         Bytes      `json:"bytes"`
	Amplification *float64   `json:"wan_amplification"`
	Reason        string     `json:"reason,omitempty"`
}

// ContentPage is everything of one content.
type ContentPage struct {
	Content
	Shares  []Share   `json:"-"` // of all locations that have or had something of it, by name
	Waiting []Waiting `json:"waiting"`
}

// PeerPage is everything of one host.
type PeerPage struct {
	Host
	Lan   string `json:"lan,omitempty"` // where neighbours reach it
	Wan   string `json:"wan,omitempty"` // where the hub sees it
	Open  []Flow `json:"open_flows"`    // and those that ended last
	More  int    `json:"more_flows"`
	Holds []Held `json:"holds"`
}
