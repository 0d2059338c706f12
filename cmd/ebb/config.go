// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/ledbat"
)

// config is agent.yaml. A flag wins over EBB_... in the environment, which wins over the file.
type config struct {
	Listen string `yaml:"listen"`
	Wan    struct {
		Relay      string   `yaml:"relay"`
		Direct     []string `yaml:"direct"`
		Controller string   `yaml:"controller"`
	} `yaml:"wan"`
	Lan struct {
		Carrier string `yaml:"carrier"`
	} `yaml:"lan"`
	Discovery struct {
		Multicast string `yaml:"multicast"` // on or off
	} `yaml:"discovery"`
	Peers struct {
		Static []string `yaml:"static"` // host:port
	} `yaml:"peers"`
	Cache struct {
		MaxSize  string `yaml:"max_size"`
		MinFree  string `yaml:"min_free"`
		MaxAge   string `yaml:"max_age"`
		Replicas string `yaml:"replicas"`
	} `yaml:"cache"`
	Metrics struct {
		Listen string `yaml:"listen"`
		Public bool   `yaml:"public"` // others may read
	} `yaml:"metrics"`
	Log struct {
		Level string `yaml:"level"`
	} `yaml:"log"`
	Serve  serveConfig  `yaml:"serve"`
	Limits limitsConfig `yaml:"limits"`

	Location locationConfig `yaml:"location"`

	Link string `yaml:"link"` // auto, wired, wifi, vpn or metered
}

var configKeys = append([]string{"listen", "wan", "relay", "direct", "controller", "lan", "carrier", "discovery", "multicast", "peers", "static", "cache", "max_size", "min_free", "max_age", "replicas", "metrics", "public", "log", "level"}, serveKeys...)

// configFile finds the file: the one named, else the first of the usual places that has one of this name, else none.
func configFile(named, name string) string {
	if named != "" {
		return named
	}
	places := []string{filepath.Join("/etc/ebb", name)}
	if runtime.GOOS == "windows" {
		places = []string{filepath.Join(os.Getenv("ProgramData"), "ebb", name)}
	}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append([]string{filepath.Join(dir, "ebb", name)}, places...)
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return ""
}

func loadConfig(named string) (config, error) {
	var c config
	err := readConfig(configFile(named, "agent.yaml"), configKeys, &c)
	return c, err
}

// readConfig reads a file of which these are the keys; no file says nothing.
func readConfig(path string, keys []string, into any) error {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return &configError{err.Error()}
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return &configError{fmt.Sprintf("%s: %s", path, explainYAML(err, keys))}
	}
	return nil
}

var unknownKey = regexp.MustCompile(`line (\d+): field (\S+) not found in type \S+`)

// explainYAML names the nearest known key for each one that is unknown.
func explainYAML(err error, keys []string) string {
	text := unknownKey.ReplaceAllStringFunc(err.Error(), func(s string) string {
		m := unknownKey.FindStringSubmatch(s)
		return fmt.Sprintf("line %s: unknown key %q, did you mean %q?", m[1], m[2], nearest(m[2], keys))
	})
	text = strings.TrimPrefix(strings.TrimPrefix(text, "yaml: "), "unmarshal errors:\n  ")
	return strings.ReplaceAll(text, "\n  ", " ")
}

// nearest finds the candidate that takes the fewest edits (Levenshtein).
func nearest(word string, candidates []string) string {
	best, most := "", 1<<30
	for _, c := range candidates {
		row := make([]int, len(c)+1)
		for j := range row {
			row[j] = j
		}
		for i := range len(word) {
			diagonal := row[0]
			row[0] = i + 1
			for j := range len(c) {
				cost := diagonal
				if word[i] != c[j] {
					cost++
				}
				diagonal = row[j+1]
				row[j+1] = min(cost, row[j]+1, diagonal+1)
			}
		}
		if row[len(c)] < most {
			best, most = c, row[len(c)]
		}
	}
	return best
}

// longNames are the flags whose key in the file has more to it than their name.
var longNames = map[string]string{"controller": "wan-controller"}

// fromEnvironment fills flags that were not given from EBB_ and their name: --wan-relay from EBB_WAN_RELAY.
func fromEnvironment(cmd *cobra.Command) error {
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		long := f.Name
		if l, ok := longNames[long]; ok {
			long = l
		}
		name := "EBB_" + strings.ToUpper(strings.ReplaceAll(long, "-", "_"))
		if v, ok := os.LookupEnv(name); ok && !f.Changed {
			if err := cmd.Flags().Set(f.Name, v); err != nil {
				errs = append(errs, &configError{fmt.Sprintf("%s: %v", name, err)})
			}
		}
	})
	return errors.Join(errs...)
}

// controllerFlag is what decides how fast this host sends to other locations.
func controllerFlag(fl *pflag.FlagSet, to *string) {
	fl.StringVar(to, "controller", ledbat.DefaultName, "congestion controller of what is sent to other locations: "+strings.Join(ledbat.Names(), ", "))
}

func checkController(name string) error {
	if slices.Contains(ledbat.Names(), name) {
		return nil
	}
	return &configError{fmt.Sprintf("wan.controller %q: use one of %s", name, strings.Join(ledbat.Names(), ", "))}
}

// lanCarriers are the values of lan.carrier.
var lanCarriers = []string{daemon.CarrierTLS, daemon.CarrierUDP}

func checkCarrier(name string) error {
	if slices.Contains(lanCarriers, name) {
		return nil
	}
	return &configError{fmt.Sprintf("lan.carrier %q: use one of %s", name, strings.Join(lanCarriers, ", "))}
}

// The values of discovery.multicast.
const (
	multicastOn  = "on"
	multicastOff = "off"
)

// maxStatic bounds peers.static: a list of a whole fleet belongs to the hub.
const maxStatic = 64

func checkDiscovery(multicast string, static []string) error {
	if multicast != multicastOn && multicast != multicastOff {
		return &configError{fmt.Sprintf("discovery.multicast %q: use on or off", multicast)}
	}
	if len(static) > maxStatic {
		return &configError{fmt.Sprintf("peers.static has %d entries, at most %d are tried; the hub knows the others", len(static), maxStatic)}
	}
	for _, s := range static {
		host, port, err := net.SplitHostPort(s)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" {
			return &configError{fmt.Sprintf("peers.static: %q is not host:port, such as 10.1.0.5:8733", s)}
		}
	}
	return nil
}

func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, &configError{fmt.Sprintf("%q is not a network such as 10.1.0.0/16", t)}
		}
		list = append(list, p)
	}
	return list, nil
}
