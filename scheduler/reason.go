// SPDX-License-Identifier: Apache-2.0

package scheduler

// Reason is why a flow, or a part of it, is where it is. The list is closed: whatever waits, waits
// for one of these, and `ebb why` prints them.
type Reason uint8

// The reasons. The first group is found by the scheduler, the second is told to it (Pause,
// StoreFailed), the third belongs to the rooms above, which share the list.
const (
	None                Reason = iota
	Complete                   // every chunk is stored
	Fetching                   // chunks are on their way
	Storing                    // chunks have arrived and are being written
	HigherPriorityFirst        // the holders are busy with flows of higher priority
	NoPeers                    // no other host is connected
	NoHolder                   // no connected host holds the missing chunks
	PeersBusy                  // the holders are asked for as much as their paths carry
	PeersRefused               // the holders said no, or were too slow, and rest before they are asked again
	PeersBanned                // the holders sent wrong data
	Stalled                    // the holders owe data and have gone silent
	LeftToNearer               // a nearer host holds it and will be asked for it
	LeftToNeighbour            // another host of the location is to fetch it from beyond the location
	MemoryLimit                // as much is under way as this host may hold in memory

	PausedByUser
	PausedByPolicy
	DiskFull
	StoreFailing
	CacheFull     // the quota leaves no room, and nothing may go
	OutsideWindow // it is fetched in its hours only

	WaitingForManifest
	RateLimited
	HubUnreachable
	HubRefuses
	LocationSplit // hosts of the location that the hub hears do not answer this host

	// One for one the refusals from RefusedCPU on.
	HolderCPU
	HolderDisk
	HolderBattery
	HolderVPN
	HolderMetered
	HolderSlots
	HolderRate
)

// reasons holds the code, the meaning and the remedy of each. The codes are stable: scripts read
// them.
var reasons = [...]struct{ code, explain, remedy string }{
	None: {"none", "Nothing is known to be in the way.", "Nothing needs to be done."},
	Complete: {"done", "Every chunk is stored and verified.",
		"Nothing needs to be done."},
	Fetching: {"fetching", "Chunks are on their way.",
		"Nothing needs to be done."},
	Storing: {"storing", "Chunks have arrived and are being written to disk.",
		"Nothing needs to be done; if it lasts, the disk is slow: see `ebb doctor`."},
	HigherPriorityFirst: {"higher-priority-first", "The hosts that hold it are busy with content of higher priority.",
		"Wait, or raise its priority: `ebb flow prioritize`."},
	NoPeers: {"no-peers", "No other host is connected.",
		"Check the network and the firewall for Ebb's UDP port: `ebb doctor`."},
	NoHolder: {"no-holder", "No connected host holds the missing chunks.",
		"Wait for a host that has them, or publish the content again; `ebb peer ls` shows who is connected."},
	PeersBusy: {"peers-busy", "The hosts that hold it are asked for as much as their paths carry.",
		"Nothing needs to be done; another host that holds it would make it faster."},
	PeersRefused: {"peers-refused", "The hosts that hold it refused, or were much too slow, and will be asked again after a rest.",
		"Nothing needs to be done; if it lasts, see on those hosts what occupies or forbids them: `ebb status`."},
	PeersBanned: {"peers-banned", "The hosts that hold it sent wrong data and are not asked until their ban ends.",
		"Verify the content on those hosts: `ebb content verify`; their disks or memory may be faulty."},
	Stalled: {"stalled", "The hosts that were asked have gone silent, and nobody else holds it.",
		"Check the path to those hosts; the transfer goes on by itself when it is back."},
	LeftToNearer: {"left-to-nearer", "A nearer host holds it and will be asked for it in a moment.",
		"Nothing needs to be done; if the nearer host does not deliver, a farther one is asked."},
	LeftToNeighbour: {"left-to-neighbour", "Another host of this location is to fetch it, so that it crosses the WAN link once.",
		"Nothing needs to be done; if the neighbour does not deliver, this host fetches it."},
	MemoryLimit: {"memory-limit", "As much is under way as this host may hold in memory.",
		"Nothing needs to be done."},
	PausedByUser: {"paused-by-user", "It was paused by hand.",
		"Let it go on: `ebb flow resume`."},
	PausedByPolicy: {"paused-by-policy", "A policy pauses it.",
		"See which: `ebb policy get`."},
	DiskFull: {"disk-full", "The disk has no room for more chunks, or no more than has to stay free.",
		"Make room: `ebb cache gc`, or delete other files, or lower cache.min_free; it goes on by itself."},
	StoreFailing: {"store-failing", "The disk reports errors when chunks are written.",
		"See the log for the error, and `ebb doctor`."},
	CacheFull: {"cache-full", "The cache is as large as it may be, and what is in it is needed or pinned.",
		"See what is in it: `ebb cache ls`; unpin or cancel something, or raise cache.max_size."},
	OutsideWindow: {"outside-window", "It is fetched in the hours of its window only.",
		"Nothing needs to be done; to fetch it now: `ebb get` without --window."},
	WaitingForManifest: {"waiting-for-manifest", "The list of its chunks has not arrived yet.",
		"Nothing needs to be done; if it lasts, no connected host knows the content."},
	RateLimited: {"rate-limited", "A configured limit keeps the rate down.",
		"See limits.download and limits.upload: `ebb policy get`."},
	HubUnreachable: {"hub-unreachable", "The hub cannot be reached.",
		"Check the hub and the way to it: `ebb doctor`; content that other hosts hold is fetched all the same."},
	HubRefuses: {"hub-refuses", "The hub and this host do not accept each other.",
		"See `ebb doctor` for why; to enrol again: `ebb enroll HUB --token T --again`."},
	HolderCPU: {"cpu", "The processors of the hosts that hold it are busy with other work.",
		"Nothing needs to be done, they are asked again; serve.max_cpu of those hosts is the limit."},
	HolderDisk: {"disk", "The disks of the hosts that hold it are busy.",
		"Nothing needs to be done, they are asked again; serve.max_disk_queue of those hosts is the limit."},
	HolderBattery: {"battery", "The hosts that hold it run on battery.",
		"Plug them in, or allow it on those hosts: serve.on_battery."},
	HolderVPN: {"vpn", "The hosts that hold it are on a VPN.",
		"Allow it on those hosts: serve.on_vpn."},
	HolderMetered: {"metered", "The hosts that hold it pay for their network by the byte.",
		"Allow it on those hosts: serve.on_metered."},
	HolderSlots: {"slots", "The hosts that hold it serve as many others as they may.",
		"Nothing needs to be done, they are asked again; serve.slots of those hosts is the limit."},
	HolderRate: {"rate", "The hosts that hold it have promised others all that their upload cap lets through.",
		"Nothing needs to be done, they are asked again; limits.upload and limits.lan of those hosts are the limit."},
	LocationSplit: {"location-split", "Hosts of this location do not answer: each side of the divide fetches for itself.",
		"Check the location's network: a cable, a switch, a Wi-Fi that isolates its clients; `ebb peer ls` shows who does not answer."},
}

// Reasons returns the whole list, without None.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasons)-1)
	for r := None + 1; int(r) < len(reasons); r++ {
		all = append(all, r)
	}
	return all
}

// String is the stable code, such as "no-holder".
func (r Reason) String() string { return reasons[r.known()].code }

// Explain says in one sentence what the reason means.
func (r Reason) Explain() string { return reasons[r.known()].explain }

// Remedy says in one sentence what, if anything, is to be done about it.
func (r Reason) Remedy() string { return reasons[r.known()].remedy }

// ParseReason finds a reason by its code; false: there is none.
func ParseReason(code string) (Reason, bool) {
	for i, x := range reasons {
		if x.code == code {
			return Reason(i), true
		}
	}
	return None, false
}

func (r Reason) known() Reason {
	if int(r) >= len(reasons) {
		return None
	}
	return r
}
