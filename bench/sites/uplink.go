// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// carried is what an uplink has let down to its site so far.
type carried struct{ bytes, packets int64 }

// down reads it from the log of ebb link.
func (s *site) down() (carried, error) {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return carried{}, err
	}
	return parseCarried(b)
}

// parseCarried finds the last whole line of a log.
func parseCarried(log []byte) (c carried, err error) {
	header, rest, _ := bytes.Cut(log, []byte("\n"))
	end := bytes.LastIndexByte(rest, '\n')
	if end < 0 {
		return c, nil
	}
	last := rest[:end]
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	names, fields := strings.Split(string(header), ","), strings.Split(string(last), ",")
	if len(names) != len(fields) {
		return c, fmt.Errorf("the link's log has a line of %d fields under %d names: %s", len(fields), len(names), last)
	}
	found := 0
	for i, name := range names {
		to := map[string]*int64{"forward_bytes": &c.bytes, "forward_packets": &c.packets}[name]
		if to == nil {
			continue
		}
		if *to, err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return c, fmt.Errorf("the link's log, %s: %w", name, err)
		}
		found++
	}
	if found != 2 {
		return c, fmt.Errorf("the link's log has no columns forward_bytes and forward_packets: %s", header)
	}
	return c, nil
}
