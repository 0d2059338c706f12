// SPDX-License-Identifier: Apache-2.0

// Package lane is one WAN link datagram by datagram: the foreground, and our flow through it with the controller and the shim that ship.
//
// # Words
//
// The foreground is short transfers over CUBIC that begin at random and need a share of the link, its load. Its demand is what they ask for, whether or
// not the link brings it at once. Our flow is what the source sends to all hosts of a location: one controller, as package carrier has it for each
// location. Warm-up is the time before our flow begins, in which the foreground comes into its stride.
//
// # Not promised
//
// Transfers have one of a few sizes up to 250 kB: a foreground of endless downloads is not meant. Upwards nothing but acknowledgements
// is on the way.
package lane

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

const (
	mss     = 1440
	headers = 28 // of IPv4 and UDP
	control = "cubic"

	// WarmUp is how long the foreground is alone.
	WarmUp = 3 * time.Second
)

// Config is a link and who is on it.
type Config struct {
	Down, Up    float64 // bits a second
	RTT, Buffer time.Duration
	AQM         string  // "", codel, fq-codel or pie: with one, the buffer is a second at least
	Loss        float64 // 0..1
	Controller  string  // of package ledbat; "": we are not there
	Seed        uint64
	Schedule    link.Schedule // of the rate downwards, from WarmUp before our flow begins
}

// Lane is one link. Times count from the beginning of our flow.
type Lane struct {
	cfg     Config
	world   *sim.World
	path    *sim.Path
	ours    *sim.Bulk
	group   *group.Group
	others  []receiver
	flows   []*sim.Flow   // of the others
	demand  *Demand       // of the foreground; nil: there is none
	began   time.Duration // our flow, by the foreground's time
	asked   int64         // of it, in bytes with their headers
	now     time.Duration
	waits   []time.Duration
	arrived int64
}

// managed is the least that a buffer with a queue manager takes: it is the manager that keeps the queue short, and what it is put in front
// of has room for thousands of packets.
const managed = time.Second

// queueFloor is the least that a buffer takes, in bytes: two packets pass every link.
const queueFloor = 3000

// New makes a link and what is on it. Our flow begins at a time of the foreground's.
func New(c Config, f Foreground, began time.Duration) (*Lane, error) {
	l := &Lane{cfg: c, world: sim.NewWorld(), now: -WarmUp}
	buffer := c.Buffer
	if c.AQM != "" {
		buffer = max(buffer, managed)
	}
	forward := link.Config{Rate: c.Down, Delay: c.RTT / 2, Loss: c.Loss, AQM: manager(c.AQM), Seed: 2 * c.Seed, Schedule: c.Schedule,
		BufferBytes: max(int(c.Down/8*buffer.Seconds()), queueFloor)}
	reverse := link.Config{Rate: c.Up, Delay: c.RTT - c.RTT/2, BufferBytes: max(int(c.Up/8*c.Buffer.Seconds()), queueFloor), Seed: 2*c.Seed + 1}
	l.path = l.world.Path(forward, reverse)
	if f.Load != nil {
		l.add(traffic.NewShort(f.from(began-WarmUp, began-WarmUp), control, c.Seed*1000))
		l.demand, l.began = f.From(began-WarmUp), began
	}
	if c.Controller != "" {
		config := ledbat.Default()
		config.MSS = mss
		ctl, err := ledbat.New(c.Controller, config)
		if err != nil {
			return nil, err
		}
		l.group = group.New(ctl, mss)
		l.ours = l.world.Flow(l.path, sim.FlowConfig{Group: l.group, MSS: mss, Headers: headers, Start: WarmUp, Clock: sim.Clock{Offset: time.Hour}})
	}
	l.Run(0)
	return l, nil
}

func manager(name string) link.AQM {
	switch name {
	case "codel":
		return link.CoDel{}
	case "fq-codel":
		return link.FQCoDel{}
	case "pie":
		return link.PIE{}
	}
	return nil
}

// receiver is one of the foreground's.
type receiver interface {
	sim.Machine
	sim.Counter
}

func (l *Lane) add(s sim.Machine, r receiver) {
	l.flows = append(l.flows, l.world.Add(l.path, s, r))
	l.others = append(l.others, r)
}

// Bulk lets somebody download without end between two moments.
func (l *Lane) Bulk(from, to time.Duration) {
	s, r := traffic.NewTCP(traffic.Config{Control: control, Start: from + WarmUp, Stop: to + WarmUp, Seed: l.cfg.Seed*1000 + uint64(len(l.others))})
	l.add(s, r)
}

// Limit bounds our flow, in bytes of datagrams a second.
func (l *Lane) Limit(rate float64) {
	if l.group != nil {
		l.group.Limit(l.world.Clock(l.now+WarmUp), rate)
	}
}

// Run plays on until a moment.
func (l *Lane) Run(until time.Duration) {
	l.world.Run(until + WarmUp)
	l.now = until
	q := l.path.Forward[0]
	if l.now > 0 {
		l.waits = append(l.waits, q.Queue...)
	}
	q.Queue = q.Queue[:0]
	l.path.Reverse[0].Queue = l.path.Reverse[0].Queue[:0]
	for _, f := range l.flows {
		f.Trace = f.Trace[:0]
	}
	if l.ours != nil && len(l.ours.Trace) > 0 {
		l.arrived = l.ours.Trace[len(l.ours.Trace)-1].Delivered
		l.ours.Trace = l.ours.Trace[:0]
	}
}

// Datagram is the size of ours in bytes, as UDP payload.
const Datagram = mss

// Arrived is how many datagrams of ours have crossed the link.
func (l *Lane) Arrived() int64 { return l.arrived / mss }

// Ours is how many bytes that is, with the headers.
func (l *Lane) Ours() int64 { return l.Arrived() * (mss + headers) }

// Waits is how long a packet would have had to wait in front of the link, every hundredth of a second since our flow began.
func (l *Lane) Waits() []time.Duration { return l.waits }

// Events is how many events have happened.
func (l *Lane) Events() uint64 {
	events, _ := l.world.Events()
	return uint64(events)
}

// Others is how many bytes of the foreground have arrived, with their headers.
func (l *Lane) Others() (n int64) {
	for _, r := range l.others {
		n += r.Delivered()
	}
	return n * wire / traffic.Payload
}

// Debt is how many bytes the foreground has asked for that have not arrived yet, with their headers. Bulk is not counted.
func (l *Lane) Debt() int64 {
	if l.demand == nil {
		return 0
	}
	l.asked += l.demand.Asked(l.began + l.now)
	return max(l.asked-l.others[0].Delivered()*wire/traffic.Payload, 0)
}

// Queue is the delay in front of the link that a share q of all moments since our flow began does not exceed.
func (l *Lane) Queue(q float64) time.Duration {
	if len(l.waits) == 0 {
		return 0
	}
	all := slices.Clone(l.waits)
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}
