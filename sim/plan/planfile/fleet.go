// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/units"
)

// Fleet is what is known of a real fleet.
type Fleet struct {
	Start   time.Time
	Regions []string
	Places  []FleetPlace // by name
}

// FleetPlace is one of its locations. Rates are bits a second.
type FleetPlace struct {
	Name, Region string
	Hosts        int     // that report; 0: none does
	Down, Up     int64   // of its WAN link, as the topology says; 0: it does not
	Seen         float64 // the greatest rate over the WAN lately; 0: nothing came
	VPN, Metered bool
}

// What stands for what is not known.
const (
	unknownDown = "20Mbit"
	unknownUp   = "5Mbit"
	unknownTrip = "40ms"
	unknownLoad = "office"
)

// Draft is a plan of a fleet, as text: with comments that say what was not known of it and what stands for that. What Parse reads of it is what is
// known.
func (f *Fleet) Draft() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# A plan of the fleet as the hub knew it at %s.
#
# Known: locations, their regions, how many hosts report, rates that the topology says, and the greatest rate that came in over the last ten minutes.
# Not known, and to be corrected by who knows it:
#   rtt      %s stands for every location
#   buffer   100ms, the default; no queue manager, no random loss
#   profile  %s: the hub keeps no memory of how busy links are by the hour of the week
#   online   always; cache: no limit
# Rates that are not known are marked below: down %s, up %s.

name: The fleet
start: %s

# What is to be sent: change it.
contents:
  image: {size: 6GB}
orders:
  - {content: image, to: all%s}
`, f.Start.UTC().Format(time.RFC3339), unknownTrip, unknownLoad, unknownDown, unknownUp, f.Start.Format(time.RFC3339), f.metered())
	if len(f.Regions) > 0 {
		b.WriteString("\nregions:\n")
		for _, name := range f.Regions {
			fmt.Fprintf(&b, "  %s: {}\n", strconv.Quote(name))
		}
	}
	b.WriteString("\nlocations:\n")
	for i := range f.Places {
		f.Places[i].draft(&b)
	}
	return b.Bytes()
}

// metered lets the order go over metered links where there are some.
func (f *Fleet) metered() string {
	for _, p := range f.Places {
		if p.Metered {
			return ", metered: true"
		}
	}
	return ""
}

func (p *FleetPlace) draft(b *bytes.Buffer) {
	note := ""
	down, up := unknownDown, unknownUp
	switch {
	case p.Down > 0:
		down = units.RateText(p.Down)
	case p.Seen >= 1000:
		down, note = units.RateText(int64(p.Seen)/1000*1000), " down: the greatest rate seen lately;"
	default:
		note = " down: not known;"
	}
	if p.Up > 0 {
		up = units.RateText(p.Up)
	} else {
		note += " up: not known;"
	}
	hosts := p.Hosts
	if hosts == 0 {
		hosts, note = 1, note+" hosts: none reports, 1 stands for them;"
	}
	fmt.Fprintf(b, "  %s: {", strconv.Quote(p.Name))
	if p.Region != "" {
		fmt.Fprintf(b, "region: %s, ", strconv.Quote(p.Region))
	}
	fmt.Fprintf(b, "link: {down: %s, up: %s, rtt: %s}, hosts: {count: %d}, profile: %s", down, up, unknownTrip, hosts, unknownLoad)
	if p.VPN {
		b.WriteString(", direct: true")
	}
	if p.Metered {
		b.WriteString(", metered: true")
	}
	b.WriteString("}")
	if note != "" {
		fmt.Fprintf(b, "  #%s", note[:len(note)-1])
	}
	b.WriteString("\n")
}
