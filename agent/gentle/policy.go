// SPDX-License-Identifier: Apache-2.0

package gentle

import "fmt"

// Policy is what the owner of the host allows. The zero value allows everything and limits nothing.
type Policy struct {
	MaxCPU   float64 // share of the processors that others may use while we serve, in (0, 1]; 0: not looked at
	MaxQueue float64 // requests in the disk's queue while we serve; 0: not looked at

	NotOnBattery, NotOnVPN, NotOnMetered bool // refuse while this is so

	Slots int // peers served at once; 0: any number
	Rates Rates
}

// Rates are caps in bytes a second; 0: none. Upload and Download are for what goes to and comes from other locations, LAN for each
// direction within this one.
type Rates struct{ Upload, Download, LAN float64 }

// DefaultPolicy is an endpoint that belongs to somebody else: cpu 80 %, disk queue 10, neither on battery nor VPN nor metered, 32 slots, no
// caps. Precedents: ConfigMgr Peer Cache for cpu and disk, Delivery Optimization for the rest.
func DefaultPolicy() Policy {
	return Policy{MaxCPU: 0.8, MaxQueue: 10, NotOnBattery: true, NotOnVPN: true, NotOnMetered: true, Slots: 32}
}

// Watches reports whether any sensor matters.
func (p Policy) Watches() bool {
	return p.MaxCPU > 0 || p.MaxQueue > 0 || p.NotOnBattery || p.NotOnVPN || p.NotOnMetered
}

// Power is where the host's power comes from.
type Power uint8

// The closed list; the zero value is not known.
const (
	PowerUnknown Power = iota
	Mains
	Battery
)

// Link is what kind of network the host is on.
type Link uint8

// The closed list; the zero value is not known.
const (
	LinkUnknown Link = iota
	Wired
	WiFi
	VPN
	Metered
)

var (
	powerNames = [...]string{"unknown", "mains", "battery"}
	linkNames  = [...]string{"unknown", "wired", "wifi", "vpn", "metered"}
)

func (p Power) String() string { return powerNames[p] }
func (l Link) String() string  { return linkNames[l] }

// ParseLink reads the name of a kind of network, but not "unknown".
func ParseLink(name string) (Link, bool) {
	for l := Wired; int(l) < len(linkNames); l++ {
		if linkNames[l] == name {
			return l, true
		}
	}
	return LinkUnknown, false
}

// Unknown is a quantity that no sensor tells.
const Unknown = -1

// Sample is what the sensors say at one time.
type Sample struct {
	CPU   float64 // share of all processors' time that others used since the last sample, 0 to 1; Unknown
	Queue float64 // mean length of the disk's queue since the last sample; Unknown
	Power Power
	Link  Link
}

// Blind is a sample of a host without sensors.
func Blind() Sample { return Sample{CPU: Unknown, Queue: Unknown} }

func (s Sample) String() string {
	return fmt.Sprintf("cpu %.2f, disk queue %.1f, power %v, link %v", s.CPU, s.Queue, s.Power, s.Link)
}
