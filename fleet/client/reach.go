// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net"
	"net/netip"

	"github.com/ebbproject/ebb/fleet"
)

// located replaces the host of an address that means "all addresses of this host", such as [::]:8733, by the one at
// that end of the way to the hub. Where there is no way the address stays as it is.
func (a asker) located(ctx context.Context, text string, end func(net.Conn) net.Addr) string {
	addr, err := netip.ParseAddrPort(text)
	if err != nil || !addr.Addr().IsUnspecified() {
		return text
	}
	var d net.Dialer
	way, err := d.DialContext(ctx, "udp", a.addr) // finds the way and sends nothing
	if err != nil {
		return text
	}
	defer way.Close()
	if u, ok := end(way).(*net.UDPAddr); ok {
		return netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), addr.Port()).String()
	}
	return text
}

// own is the address that this host speaks to the hub from, with the length of its network; empty where it is not known.
func (a asker) own(ctx context.Context) string {
	var d net.Dialer
	way, err := d.DialContext(ctx, "udp", a.addr) // finds the way and sends nothing
	if err != nil {
		return ""
	}
	defer way.Close()
	u, ok := way.LocalAddr().(*net.UDPAddr)
	if !ok {
		return ""
	}
	here := u.AddrPort().Addr().Unmap().WithZone("")
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, x := range addrs {
		if p, err := netip.ParsePrefix(x.String()); err == nil && p.Addr().WithZone("") == here {
			return netip.PrefixFrom(here, p.Bits()).String()
		}
	}
	return ""
}

// locatedHub is the hub with addresses at which this host reaches it.
func (a asker) locatedHub(ctx context.Context, m fleet.Member) fleet.Member {
	m.Lan, m.Wan = a.located(ctx, m.Lan, net.Conn.RemoteAddr), a.located(ctx, m.Wan, net.Conn.RemoteAddr)
	return m
}
