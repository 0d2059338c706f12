// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"strings"
)

// Messages and events print themselves in one line; golden scripts and logs are made of these lines.

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (k Kind) String() string {
	switch k {
	case KindChunk:
		return "chunk"
	case KindManifest:
		return "manifest"
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

var reasonNames = [...]string{
	ReasonUnknown: "unknown", ReasonBusy: "busy", ReasonNotHeld: "not-held", ReasonCorrupt: "corrupt",
	ReasonPaused: "paused", ReasonPolicy: "policy", ReasonShuttingDown: "shutting-down", ReasonTooMany: "too-many",
	ReasonCPU: "cpu", ReasonDisk: "disk", ReasonBattery: "battery", ReasonVPN: "vpn", ReasonMetered: "metered", ReasonSlots: "slots",
	ReasonRate: "rate",
}

// Reasons lists why a request may be refused.
func Reasons() []Reason {
	all := make([]Reason, len(reasonNames))
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason-%d", uint8(r))
}

var byeNames = [...]string{
	ByeDone: "done", ByeShuttingDown: "shutting-down", ByeVersion: "version", ByeProtocol: "protocol",
	ByeIdle: "idle", ByePolicy: "policy", ByeReplaced: "replaced",
}

func (r ByeReason) String() string {
	if int(r) < len(byeNames) {
		return byeNames[r]
	}
	return fmt.Sprintf("bye-%d", uint8(r))
}

func (m Hello) String() string {
	observed := "nowhere"
	if m.Observed.IsValid() {
		observed = m.Observed.String()
	}
	return fmt.Sprintf("hello %q versions %d-%d wants %d interests %d sees %s can [%s]", m.Peer, m.MinVersion,
		m.MaxVersion, m.MaxWants, m.MaxInterests, observed, strings.Join(m.Capabilities, " "))
}

func (m Bye) String() string  { return "bye " + m.Reason.String() }
func (m Ping) String() string { return fmt.Sprintf("ping %d", m.Nonce) }
func (m Pong) String() string { return fmt.Sprintf("pong %d", m.Nonce) }
func (m Interest) String() string {
	return fmt.Sprintf("interest %s %s", m.Content.Short(), onOff(m.On))
}

func (m Have) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "have %s of chunks %d+%d of %d:", m.Content.Short(), m.First, m.Count, m.Total)
	for i, r := range m.Held {
		if i == 8 {
			fmt.Fprintf(&b, " and %d more runs", len(m.Held)-i)
			return b.String()
		}
		fmt.Fprintf(&b, " %d+%d", r.First, r.Count)
	}
	if len(m.Held) == 0 {
		b.WriteString(" none")
	}
	return b.String()
}

func (m Want) String() string {
	return fmt.Sprintf("want %d %v %s size %d priority %d", m.Request, m.Kind, m.ID.Short(), m.Size, m.Priority)
}

func (m Data) String() string {
	return fmt.Sprintf("data %d at %d+%d of %d", m.Request, m.Offset, len(m.Bytes), m.Total)
}

func (m Cancel) String() string { return fmt.Sprintf("cancel %d", m.Request) }
func (m Refuse) String() string { return fmt.Sprintf("refuse %d %v", m.Request, m.Reason) }
func (m Find) String() string   { return fmt.Sprintf("find %d %q", m.Request, m.Name) }
func (m Limit) String() string  { return fmt.Sprintf("limit %d", m.Rate) }
func (m Found) String() string  { return fmt.Sprintf("found %d %s", m.Request, m.ID.Short()) }

func (e PeerHello) String() string {
	return fmt.Sprintf("PeerHello %q version %d both can [%s]", e.Hello.Peer, e.Version, strings.Join(e.Capabilities, " "))
}

func (e Interested) String() string {
	return fmt.Sprintf("Interested %s %s", e.Content.Short(), onOff(e.On))
}
func (e PeerHave) String() string { return "PeerHave " + e.Have.String() }

func (e Requested) String() string {
	return fmt.Sprintf("Requested %d %v %s size %d priority %d", e.Request, e.Kind, e.ID.Short(), e.Size, e.Priority)
}

func (e Canceled) String() string { return fmt.Sprintf("Canceled %d frees %d", e.Request, len(e.Data)) }
func (e Served) String() string   { return fmt.Sprintf("Served %d frees %d", e.Request, len(e.Data)) }
func (e Finding) String() string  { return fmt.Sprintf("Finding %d %q", e.Request, e.Name) }

func (e Received) String() string {
	return fmt.Sprintf("Received %d %v %s %d bytes", e.Request, e.Kind, e.ID.Short(), len(e.Data))
}

func (e Refused) String() string { return fmt.Sprintf("Refused %d %v", e.Request, e.Reason) }
func (e Stalled) String() string { return fmt.Sprintf("Stalled %d", e.Request) }
func (e PeerLimit) String() string {
	return fmt.Sprintf("PeerLimit %d", e.Rate)
}
func (e PeerBye) String() string { return fmt.Sprintf("PeerBye %v", e.Reason) }
func (PingTimeout) String() string {
	return "PingTimeout"
}
