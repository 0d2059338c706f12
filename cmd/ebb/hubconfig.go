// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/hub"
)

// hubConfig is hub.yaml. A flag wins over EBB_... in the environment, which wins over the file.
type hubConfig struct {
	Listen  string `yaml:"listen"`
	Console struct {
		Listen string   `yaml:"listen"`
		Names  []string `yaml:"names"`
	} `yaml:"console"`
	Wan struct {
		Controller string `yaml:"controller"`
	} `yaml:"wan"`
	Hub natsConfig `yaml:"hub"`
	Log struct {
		Level string `yaml:"level"`
	} `yaml:"log"`
}

// natsConfig says where the bus is, and who hub and hosts are to a NATS cluster.
type natsConfig struct {
	NATS  string    `yaml:"nats"`  // as --bus
	CA    string    `yaml:"ca"`    // file
	Login natsLogin `yaml:"login"` // of the hub
	Hosts natsLogin `yaml:"hosts"` // of all hosts, which are told
}

type natsLogin struct {
	User        string `yaml:"user"`
	Password    string `yaml:"password"`
	Credentials string `yaml:"credentials"` // file
}

var hubKeys = []string{"listen", "console", "names", "wan", "controller", "hub", "nats", "ca", "login", "hosts", "user", "password", "credentials", "log", "level"}

// hubFlags are the flags of ebb hub before they are understood.
type hubFlags struct{ file, listen, level, wire string }

// complete fills what no flag says from the environment, then from the file, and reads it.
func (f *hubFlags) complete(cmd *cobra.Command, r *hubRun) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	var c hubConfig
	if err := readConfig(configFile(f.file, "hub.yaml"), hubKeys, &c); err != nil {
		return err
	}
	for _, x := range []struct {
		flag, value string
		to          *string
	}{{"listen", c.Listen, &f.listen}, {"console", c.Console.Listen, &r.console}, {"controller", c.Wan.Controller, &r.controller},
		{"bus", c.Hub.NATS, &f.wire}, {"log-level", c.Log.Level, &f.level}} {
		if x.value != "" && !cmd.Flags().Changed(x.flag) {
			*x.to = x.value
		}
	}
	if len(c.Console.Names) > 0 && !cmd.Flags().Changed("console-name") {
		r.names = c.Console.Names
	}
	var err error
	if r.log, err = newLog(cmd.ErrOrStderr(), f.level); err != nil {
		return err
	}
	if r.addr, err = parseListen(f.listen); err != nil {
		return err
	}
	if err := checkController(r.controller); err != nil {
		return err
	}
	if r.bus, err = parseBus(f.wire, r.addr); err != nil {
		return err
	}
	return c.cluster(&r.bus.Cluster)
}

// cluster reads who hub and hosts are to a NATS cluster.
func (c hubConfig) cluster(to *bus.Cluster) (err error) {
	b := c.Hub
	if b.CA == "" && b.Login == (natsLogin{}) && b.Hosts == (natsLogin{}) {
		return nil
	}
	if len(to.URLs) == 0 {
		return &configError{"hub.ca, hub.login and hub.hosts are for a NATS cluster, and --bus or hub.nats names none"}
	}
	if to.CA, err = fileOf("hub.ca", b.CA); err != nil {
		return err
	}
	for _, x := range []struct {
		key  string
		from natsLogin
		to   *fleet.BusLogin
	}{{"hub.login", b.Login, &to.Hub}, {"hub.hosts", b.Hosts, &to.Hosts}} {
		*x.to = fleet.BusLogin{User: x.from.User, Password: x.from.Password}
		if x.to.Credentials, err = fileOf(x.key+".credentials", x.from.Credentials); err != nil {
			return err
		}
	}
	if err := to.Valid(); errors.Is(err, bus.ErrLogin) {
		return &configError{fmt.Sprintf("hub.login, hub.hosts: %v", err)}
	} else if err != nil {
		return &configError{fmt.Sprintf("hub.ca %s: %v", b.CA, err)}
	}
	return nil
}

func fileOf(key, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &configError{fmt.Sprintf("%s: %v", key, err)}
	}
	return b, nil
}

// busPort is where the hub's own bus listens unless it is told otherwise.
const busPort = 8734

// parseBus reads where orders are pushed.
func parseBus(text string, listen netip.AddrPort) (o hub.BusOptions, err error) {
	switch {
	case text == "off":
		return o, nil
	case text == "websocket":
		o.Control = true
		return o, nil
	case strings.Contains(text, "://"):
		if o.Cluster.URLs, err = bus.ParseURLs(text); errors.Is(err, bus.ErrSecret) {
			return o, &configError{fmt.Sprintf("--bus is %v", err)} // without what must not be read here either
		} else if err != nil {
			return o, &configError{fmt.Sprintf("--bus %q is %v", text, err)}
		}
		return o, nil
	case text != "":
		if o.Listen, err = netip.ParseAddrPort(text); err != nil {
			return o, &configError{fmt.Sprintf("--bus %q is neither an address and a port nor URLs of a NATS cluster nor off nor websocket", text)}
		}
		return o, nil
	}
	o.Listen = netip.AddrPortFrom(listen.Addr(), busPort)
	if listen.Port() == 0 {
		o.Listen = netip.AddrPortFrom(listen.Addr(), 0)
	}
	return o, nil
}
