// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"net"
	"net/netip"
)

// link is an interface of this host that takes multicast, and one of its addresses.
type link struct {
	net.Interface
	addr netip.Prefix // IPv4
}

// links lists where is asked and answered. A host that listens at one address only is found there only.
func links(listen netip.Addr) []link {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var list []link
	for _, i := range all {
		// A tunnel leads to others than neighbours.
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil || !p.Addr().Is4() || !listen.IsUnspecified() && p.Addr() != listen {
				continue
			}
			list = append(list, link{i, p})
			break
		}
	}
	return list
}

// onLink finds the link that an address is on.
func onLink(all []link, from netip.Addr) (link, bool) {
	for _, l := range all {
		if l.addr.Masked().Contains(from) {
			return l, true
		}
	}
	return link{}, false
}
