// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// family is IPv4 or IPv6, and its group of those who answer (RFC 6762, section 3).
type family struct {
	network string
	group   net.IP
}

var (
	four = family{"udp4", net.IPv4(224, 0, 0, 251)}
	six  = family{"udp6", net.ParseIP("ff02::fb")}
)

const groupPort = 5353

// of is the family of an address.
func of(a netip.Addr) family {
	if a.Is4() {
		return four
	}
	return six
}

// link is an interface of this host that takes multicast, and one of its addresses. An interface with addresses of both families is two links.
type link struct {
	net.Interface
	addr netip.Prefix
}

// group is where all who answer on this link hear.
func (l link) group() *net.UDPAddr {
	f := of(l.addr.Addr())
	g := &net.UDPAddr{IP: f.group, Port: groupPort}
	if f.network == six.network {
		g.Zone = l.Name
	}
	return g
}

// leaves makes what is sent to a group leave by this link.
func (l link) leaves(c *net.UDPConn) error {
	if l.addr.Addr().Is4() {
		return ipv4.NewPacketConn(c).SetMulticastInterface(&l.Interface)
	}
	return ipv6.NewPacketConn(c).SetMulticastInterface(&l.Interface)
}

// links lists where is asked and answered. A host that listens at one address only is found there only. Addresses that are good on one link
// alone are left out: the others of the fleet are told what is found.
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
		had := map[string]bool{}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil || p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() || !takes(listen, p.Addr()) || had[of(p.Addr()).network] {
				continue
			}
			had[of(p.Addr()).network] = true
			list = append(list, link{i, p})
		}
	}
	return list
}

// takes reports whether who listens at one address is reached at another of this host.
func takes(listen, at netip.Addr) bool {
	if !listen.IsUnspecified() {
		return at == listen
	}
	return at.Is4() || listen.Is6()
}

// once leaves out a link over IPv6 where the interface has one over IPv4 as well: who answers there would be met at two addresses, as if
// there were two hosts.
func once(all []link) (list []link) {
	had := map[int]bool{}
	for _, l := range all {
		if l.addr.Addr().Is4() {
			had[l.Index] = true
			list = append(list, l)
		}
	}
	for _, l := range all {
		if l.addr.Addr().Is6() && !had[l.Index] {
			list = append(list, l)
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
