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
	Carries      float64 // what its WAN link carried in the best hour that is remembered; 0: none is
	// Load is what others use of that by the hour of the week, 0 to 1; negative: not known. Empty: nothing is.
	Load         []float64
	VPN, Metered bool
}

// enoughHours of a week must be known for a profile of one's own; the others are those of the built-in one.
const enoughHours = 24

// remembered is how many hours are known.
func (p *FleetPlace) remembered() (n int) {
	for _, share := range p.Load {
		if share >= 0 {
			n++
		}
	}
	return n
}

// remembers says whether that is enough for a profile of its own.
func (p *FleetPlace) remembers() bool { return p.remembered() >= enoughHours }

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
# Known: locations, their regions, how many hosts report, rates that the topology says; and what came in: how fast in the best hour and how much
# less in others, which is taken for what others use then.
# Not known, and to be corrected by who knows it:
#   rtt      %s stands for every location
#   buffer   100ms, the default; no queue manager, no random loss
#   profile  %s, where fewer than %d hours of the week are remembered, and for the hours of others that are not
#   online   always; cache: no limit
# Rates that are not known are marked below: down %s, up %s.

name: The fleet
start: %s

# What is to be sent: change it.
contents:
  image: {size: 6GB}
orders:
  - {content: image, to: all%s}
`, f.Start.UTC().Format(time.RFC3339), unknownTrip, unknownLoad, enoughHours, unknownDown, unknownUp, f.Start.Format(time.RFC3339), f.metered())
	if len(f.Regions) > 0 {
		b.WriteString("\nregions:\n")
		for _, name := range f.Regions {
			fmt.Fprintf(&b, "  %s: {}\n", strconv.Quote(name))
		}
	}
	var profiles bytes.Buffer
	for i := range f.Places {
		if p := &f.Places[i]; p.remembers() {
			p.profile(&profiles)
		}
	}
	if profiles.Len() > 0 {
		b.WriteString("\nprofiles:\n")
		b.Write(profiles.Bytes())
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

// ownProfile is the name of the profile of a location.
func (p *FleetPlace) ownProfile() string { return strconv.Quote("seen in " + p.Name) }

// profile writes how busy others keep the link, a line a day.
func (p *FleetPlace) profile(b *bytes.Buffer) {
	like, _ := Profile(unknownLoad)
	fmt.Fprintf(b, "  %s: # %d of 168 hours are remembered\n    hours: [", p.ownProfile(), p.remembered())
	for h := range like.Load {
		share := like.Load[h]
		if h < len(p.Load) && p.Load[h] >= 0 {
			share = p.Load[h]
		}
		if h > 0 {
			b.WriteString(",")
		}
		if h > 0 && h%24 == 0 {
			b.WriteString("\n            ")
		}
		fmt.Fprintf(b, "%.0f%%", 100*share)
	}
	b.WriteString("]\n")
}

func (p *FleetPlace) draft(b *bytes.Buffer) {
	note := ""
	down, up := unknownDown, unknownUp
	switch {
	case p.Down > 0:
		down = units.RateText(p.Down)
	case p.Carries >= 1000 && p.Carries >= p.Seen:
		down, note = units.RateText(int64(p.Carries)/1000*1000), " down: the best hour that is remembered;"
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
	profile := unknownLoad
	if p.remembers() {
		profile = p.ownProfile()
	}
	fmt.Fprintf(b, "link: {down: %s, up: %s, rtt: %s}, hosts: {count: %d}, profile: %s", down, up, unknownTrip, hosts, profile)
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
