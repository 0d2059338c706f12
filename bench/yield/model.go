// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

const (
	modelDatagram = 1440 // bytes of UDP payload, as between locations
	udpHeaders    = 28   // bytes of IPv4 and UDP
	tcpPacket     = 1500 // bytes of a full segment on the wire
)

// modelled says how the simulator plays a background; false: it cannot.
func modelled(name string) (kind, option string, ok bool) {
	kind, option, _ = strings.Cut(name, ":")
	switch kind {
	case "ebb":
		if option == "" {
			option = ledbat.DefaultName
		}
		return kind, option, slices.Contains(ledbat.Names(), option)
	case "tcp":
		return kind, option, slices.Contains(bulks, option)
	}
	return "", "", false
}

// A model is a scenario in the simulator: the same link, the same foregrounds at the same times, the controllers that ship, and other
// traffic as package traffic has it.
type model struct {
	o        *Options
	scenario Scenario
	world    *sim.World
	path     *sim.Path
	flows    []wired // of all that carries much
}

// wired is a flow with what a byte of its use costs on the wire.
type wired struct {
	*sim.Flow
	cost float64
}

func (o *Options) newModel(s Scenario, seed uint64) *model {
	c := link.Config{Rate: s.Rate, Delay: s.Delay, BufferTime: s.Buffer, MTU: tcpPacket, Seed: seed}
	if s.AQM != "" {
		c.AQM = link.FQCoDel{ECN: true}
	}
	back := c
	back.Seed++
	m := &model{o: o, scenario: s, world: sim.NewWorld()}
	m.path = m.world.Path(c, back)
	return m
}

// background adds one that begins at once, or nothing for the empty name.
func (m *model) background(name string, seed uint64) error {
	if name == "" {
		return nil
	}
	kind, option, _ := modelled(name)
	if kind == "tcp" {
		m.tcp(traffic.Config{Control: option, Handshake: true, Seed: seed})
		return nil
	}
	c := ledbat.Default()
	c.MSS = modelDatagram
	ctl, err := ledbat.New(option, c)
	if err != nil {
		return err
	}
	f := m.world.Flow(m.path, sim.FlowConfig{Controller: ctl, MSS: modelDatagram, Headers: udpHeaders})
	m.flows = append(m.flows, wired{f.Flow, float64(modelDatagram+udpHeaders) / modelDatagram})
	return nil
}

// tcp adds a flow of TCP, and says by which sender it is sent.
func (m *model) tcp(c traffic.Config) (*sim.Flow, *traffic.Sender) {
	from, to := traffic.NewTCP(c)
	f := m.world.Add(m.path, from, to)
	m.flows = append(m.flows, wired{f, float64(tcpPacket) / traffic.Payload})
	return f, from
}

// model plays a chain with a background, or the foregrounds alone with none, as often as there are rounds.
func (o *Options) model(s Scenario, name string, solo *figures) (*figures, error) {
	f := newFigures()
	for round := range o.Rounds {
		m := o.newModel(s, o.Seed+uint64(2*round))
		if err := m.play(name, uint64(round), f, solo); err != nil {
			return nil, fmt.Errorf("simulating %s: %w", name, err)
		}
	}
	return f, nil
}

// play lets one chain happen, and measures it. Without a background the foregrounds' courses are kept.
func (m *model) play(name string, round uint64, f, solo *figures) error {
	if err := m.background(name, m.o.Seed+round); err != nil {
		return err
	}
	t := m.o.Times
	at := t.Warm + t.Alone + time.Duration(round)*37*time.Millisecond // each round meets another moment of the background
	type stay struct {
		control string
		flow    *sim.Flow
		at      time.Duration
	}
	var stays []stay
	for _, control := range bulks {
		flow, _ := m.tcp(traffic.Config{Control: control, Start: at, Stop: at + t.Bulk, Handshake: true, Seed: m.o.Seed + round})
		stays = append(stays, stay{control, flow, at})
		at += t.Bulk + t.Back
	}
	talker, listener := traffic.NewCall(traffic.CallConfig{Payload: callSize, Start: at, Stop: at + t.Light})
	m.world.Add(m.path, talker, listener)
	called := at
	at += t.Light + t.Rest
	var fetches []*traffic.Sender
	var asked []time.Duration
	for end := at + t.Light; at < end; at += fetchEvery {
		_, from := m.tcp(traffic.Config{Control: "cubic", Start: at, Bytes: fetchSize, Handshake: true})
		fetches, asked = append(fetches, from), append(asked, at)
	}
	m.world.Run(at + fetchWithin)

	p := played{scenario: m.scenario, log: m.readings(at), flows: m.world.Clock(0)}
	for _, s := range stays {
		p.visits = append(p.visits, visit{s.control, m.course(s.flow, s.at), m.world.Clock(s.at + t.Bulk)})
	}
	if name == "" {
		for _, v := range p.visits {
			f.courses[v.control] = append(f.courses[v.control], v.course)
			f.rates[v.control] = append(f.rates[v.control], v.course.rate(t.Bulk))
		}
	} else {
		m.o.measure(f, solo, p)
	}
	d := listener.Delays(called, called+t.Light)
	f.call50 = append(f.call50, milliseconds(d.Median))
	f.call95 = append(f.call95, milliseconds(d.P95))
	f.callLost = append(f.callLost, 100*float64(d.Lost)/float64(d.Sent))
	var took []float64
	for i, x := range fetches {
		d := fetchWithin
		if done := x.Done(); done > 0 {
			d = min(d, done-asked[i])
		}
		took = append(took, milliseconds(d))
	}
	f.fetched(took)
	return nil
}

// course is that of a flow from a moment on.
func (m *model) course(f *sim.Flow, from time.Duration) *course {
	c := &course{begin: m.world.Clock(from)}
	for d := time.Duration(0); d < m.o.Times.Bulk; d += step {
		c.bytes = append(c.bytes, f.DeliveredBy(from+d+step)-f.DeliveredBy(from+d))
	}
	return c
}

// readings are what the link would have logged until a moment.
func (m *model) readings(until time.Duration) (list readings) {
	queue := m.path.Forward[0].Queue
	for i := 0; i < len(queue) && time.Duration(i)*sim.SampleEvery < until; i++ {
		at := time.Duration(i) * sim.SampleEvery
		r := reading{at: m.world.Clock(at), queue: queue[i]}
		for _, f := range m.flows {
			r.bytes += int64(f.cost * float64(f.DeliveredBy(at)))
		}
		list = append(list, r)
	}
	return list
}
