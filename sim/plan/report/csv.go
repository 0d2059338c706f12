// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"
)

// Table is one CSV file.
type Table struct {
	Name string
	Text []byte
}

// CSV is the report as tables: completion, regions, hours, locations, and the sweep if there is one. What did not happen is an empty field.
func (r *Report) CSV() []Table {
	var tables []Table
	write := func(name string, rows [][]string) {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			panic(err) // a buffer takes everything
		}
		tables = append(tables, Table{name + ".csv", b.Bytes()})
	}
	rows := [][]string{{"content", "of", "share", "seconds", "low", "high", "replicas_reached"}}
	for _, o := range r.Orders {
		for _, x := range []struct {
			of, share string
			Quantile
		}{{"locations", "0.5", o.P50}, {"locations", "0.95", o.P95}, {"locations", "0.99", o.P99}, {"locations", "1", o.All}, {"hosts", "0.5", o.HostsP50},
			{"hosts", "0.95", o.HostsP95}, {"hosts", "0.99", o.HostsP99}} {
			rows = append(rows, append([]string{o.Content, x.of, x.share}, x.fields()...))
		}
	}
	write("completion", rows)
	rows = [][]string{{"content", "region", "share_of_hosts", "seconds", "low", "high", "replicas_reached"}}
	for _, o := range r.Orders {
		for _, c := range o.Regions {
			for _, p := range c.Points {
				rows = append(rows, append([]string{o.Content, c.Region, number(p.Share)}, p.fields()...))
			}
		}
	}
	write("regions", rows)
	rows = [][]string{{"hour", "ebb_bytes", "foreground_bytes", "capacity_bytes", "most_of_a_link"}}
	for _, h := range r.Hours {
		rows = append(rows, []string{h.At.UTC().Format(time.RFC3339), number(h.Ebb), number(h.Foreground), number(h.Capacity), number(h.Peak)})
	}
	write("hours", rows)
	rows = [][]string{{"location", "region", "hosts", "down_bits_per_second", "rtt_seconds", "late", "busiest_hour", "added_delay_seconds", "wan_bytes", "reason"}}
	for i, o := range r.Orders {
		rows[0] = append(rows[0], fmt.Sprintf("complete_seconds_%d_%s", i, o.Content))
	}
	for _, l := range r.Places {
		row := []string{l.Name, l.Region, number(l.Hosts), number(l.Down), number(l.RTT), number(l.Late), number(l.Busiest), number(l.Delay), number(l.WAN), l.Reason}
		for _, d := range l.Done {
			row = append(row, perhaps(d))
		}
		rows = append(rows, row)
	}
	write("locations", rows)
	if r.Sweep == nil {
		return tables
	}
	rows = [][]string{nil}
	for _, a := range r.Sweep.Axes {
		rows[0] = append(rows[0], a.Name)
	}
	rows[0] = append(rows[0], "p95_seconds", "low", "high", "replicas_reached", "in_time", "wan_bytes", "added_delay_seconds")
	for _, p := range r.Sweep.Points {
		inTime := ""
		if p.InTime != nil {
			inTime = perhaps(p.InTime.Value)
		}
		rows = append(rows, append(append(append([]string{}, p.Values...), p.P95.fields()...), inTime, perhaps(p.WAN.Value), number(p.Delay)))
	}
	write("sweep", rows)
	return tables
}

func (q Quantile) fields() []string {
	return []string{perhaps(q.Seconds.Value), perhaps(q.Seconds.Low), perhaps(q.Seconds.High), strconv.Itoa(q.Reached)}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

func perhaps(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}
