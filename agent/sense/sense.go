// SPDX-License-Identifier: Apache-2.0

// Package sense reads what a host knows of itself: how busy its processors and its disk are, whether it runs on battery, what kind of
// network it is on.
//
// Linux tells all of it (/proc, /sys). Windows tells processors and power. What a system does not tell is unknown, which keeps nobody from
// serving; so is the disk queue of a file system without a block device of its own (overlay, tmpfs, btrfs, network), and a network
// without any interface towards the hub. A mobile modem counts as metered; a network that is metered otherwise has to be said in the
// configuration of the host or, for a whole location, in the fleet's topology, for nothing here asks a network manager.
package sense

import (
	"net"
	"net/netip"

	"github.com/ebbproject/ebb/agent/gentle"
)

// Config says what to look at.
type Config struct {
	State string      // the state directory; its disk is looked at
	Hub   string      // address of the hub: the interface that leads there counts
	Link  gentle.Link // what the owner says of the network; LinkUnknown: find out
}

// Sensors remember the last counters, because what matters is what happened since. One goroutine uses them.
type Sensors struct {
	config Config
	system
}

// New opens nothing yet. The first Read tells no rates.
func New(c Config) *Sensors { return &Sensors{config: c} }

// Read says how things are now, and were on average since the last Read.
func (s *Sensors) Read() gentle.Sample {
	sample := gentle.Sample{CPU: s.cpu(), Queue: s.queue(s.config.State), Power: s.power(), Link: s.config.Link}
	if sample.Link == gentle.LinkUnknown {
		sample.Link = s.link(s.towards())
	}
	return sample
}

// towards is the name of the interface that leads to the hub; empty: unknown, or the hub is on this very machine.
func (s *Sensors) towards() string {
	probe, err := net.Dial("udp", s.config.Hub) // chooses an address and sends nothing
	if err != nil {
		return ""
	}
	defer probe.Close()
	here := probe.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	if here.IsLoopback() {
		return ""
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap().WithZone("") == here.WithZone("") {
				return i.Name
			}
		}
	}
	return ""
}
