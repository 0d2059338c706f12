// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ebbproject/ebb/process"
)

// A rig is a link between two namespaces, as a scenario wants it.
type rig struct {
	scenario    Scenario
	exe, dir    string
	left, right place
	link        *process.Process
	log         string
	content     int64 // bytes that a background must have so that it does not end before the chain does
}

// linkReady is as much as is needed of what ebb link says.
type linkReady struct {
	Event string `json:"event"`
}

// newRig starts the link. Its folder is dir; it ends by itself after lasting, should nobody be there any more to end it.
func newRig(ctx context.Context, exe, dir string, s Scenario, lasting time.Duration) (r *rig, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := func(side string) string { return fmt.Sprintf("ebb-yield-%d-%s-%s", os.Getpid(), s.Name, side) }
	r = &rig{scenario: s, exe: exe, dir: dir, log: filepath.Join(dir, "queue.csv"),
		left:  place{name("left"), netip.MustParseAddr("10.99.0.1")},
		right: place{name("right"), netip.MustParseAddr("10.99.0.2")}}
	args := append([]string{exe, "link", "--create", "--left", r.left.namespace, "--right", r.right.namespace, "--json",
		"--queue-log", r.log, "--for", lasting.String()}, s.flags()...)
	if r.link, err = (process.Program{Args: args, Log: filepath.Join(dir, "link.log")}).Start(); err != nil {
		return nil, err
	}
	err = r.link.Ready(ctx, &linkReady{})
	for _, p := range []place{r.left, r.right} {
		if err == nil {
			err = forgetful(p.namespace)
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// close ends the link and with it the namespaces.
func (r *rig) close() error { return errors.Join(r.link.Stop(), os.RemoveAll(r.dir)) }

// readings are those of the link so far, from left to right.
func (r *rig) readings() (readings, error) {
	b, err := os.ReadFile(r.log)
	if err != nil {
		return nil, err
	}
	return parseReadings(b)
}

// parseReadings reads the log of ebb link; a last line that is not complete yet is left out.
func parseReadings(log []byte) (list readings, err error) {
	header, rest, _ := bytes.Cut(log, []byte("\n"))
	column := map[string]int{}
	for i, name := range strings.Split(string(header), ",") {
		column[name] = i
	}
	for _, name := range []string{"unix_ns", "forward_queue_us", "forward_bytes", "forward_packets", "forward_late"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("the link's log has no column %s: %s", name, header)
		}
	}
	for line := range bytes.Lines(rest) {
		text, complete := strings.CutSuffix(string(line), "\n")
		if !complete {
			break
		}
		fields := strings.Split(text, ",")
		if len(fields) != len(column) {
			return nil, fmt.Errorf("the link's log has a line of %d fields: %s", len(fields), text)
		}
		number := func(name string) int64 {
			v, bad := strconv.ParseInt(fields[column[name]], 10, 64)
			err = errors.Join(err, bad)
			return v
		}
		list = append(list, reading{at: time.Unix(0, number("unix_ns")), queue: time.Duration(number("forward_queue_us")) * time.Microsecond,
			bytes: number("forward_bytes"), packets: number("forward_packets"), late: number("forward_late")})
		if err != nil {
			return nil, fmt.Errorf("the link's log: %w", err)
		}
	}
	return list, nil
}
