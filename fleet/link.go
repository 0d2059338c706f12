// SPDX-License-Identifier: Apache-2.0

package fleet

// Link is the class of the network that a host is on.
type Link string

// The classes. Only LAN and Wi-Fi promise that neighbours reach one another without crossing a link that others pay for.
const (
	LAN     Link = "lan"
	WiFi    Link = "wifi"
	VPN     Link = "vpn"     // shares with nobody: every byte between two hosts crosses the tunnels of both
	Metered Link = "metered" // every byte costs money
)

// Links are the known ones.
var Links = []string{string(LAN), string(WiFi), string(VPN), string(Metered)}
