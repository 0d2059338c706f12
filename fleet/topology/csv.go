// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxFile bounds what is read of a CSV file, and maxYAML of a YAML file, whose tree takes fifty times its size. In bytes.
const (
	MaxFile = 128 << 20
	maxYAML = 8 << 20
)

var csvColumns = append([]string{keyName}, locationKeys...)

// ParseCSV reads a table with a header: the column location, and any of region, subnets, link, near, nat, down and up.
// Several rows may be about one location; their subnets add up, and what else they say must not differ. A row with
// nothing but a region declares it. Columns are divided by commas, or by semicolons as some spreadsheets do. The error is
// *Problems.
func ParseCSV(r io.Reader) (*Topology, error) {
	d := newDraft()
	rows := &csvRows{d: d, given: map[string]*[8]int32{}}
	if rows.open(&bounded{r: r, left: MaxFile}) {
		for rows.next() {
		}
	}
	return d.done()
}

// bounded ends with an error when more than that is there.
type bounded struct {
	r    io.Reader
	left int64
}

var errTooLong = fmt.Errorf("longer than %d MiB, which is the most that is read", MaxFile>>20)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// csvRows reads row after row into a draft.
type csvRows struct {
	d       *draft
	r       *csv.Reader
	columns []string             // what each is; empty: skipped, because its name is not known
	given   map[string]*[8]int32 // by location: the line that first gave each key
}

// open reads the header; false when nothing can follow.
func (c *csvRows) open(r io.Reader) bool {
	b := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3) // they are there
	}
	c.r = csv.NewReader(b)
	if head, _ := b.Peek(4096); !bytes.ContainsRune(firstLine(head), ',') && bytes.ContainsRune(firstLine(head), ';') {
		c.r.Comma = ';'
	}
	c.r.ReuseRecord, c.r.TrimLeadingSpace, c.r.FieldsPerRecord = true, true, -1
	header, err := c.r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			c.d.add(0, "it is empty; give a header with the columns %s", strings.Join(csvColumns, ", "))
			return false
		}
		c.broken(err)
		return false
	}
	for _, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !slices.Contains(csvColumns, name):
			c.d.unknown(1, "column", clip(name), csvColumns)
			name = ""
		case slices.Contains(c.columns, name):
			c.d.add(1, "the column %s is there twice", name)
			name = ""
		}
		c.columns = append(c.columns, strings.Clone(name))
	}
	if !slices.Contains(c.columns, keyName) {
		c.d.add(1, "the column location is missing; the first row names the columns")
		return false
	}
	return true
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

// next reads one row; false at the end, or where it makes no sense to go on.
func (c *csvRows) next() bool {
	row, err := c.r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		return c.broken(err)
	case c.d.full:
		return false
	}
	line, _ := c.r.FieldPos(0)
	if len(row) != len(c.columns) {
		c.d.add(line, "%d columns instead of %d", len(row), len(c.columns))
		return true
	}
	name, others := "", 0
	for i, value := range row {
		row[i] = strings.TrimSpace(value)
		switch {
		case row[i] == "":
		case c.columns[i] == keyName:
			name = row[i]
		default:
			others++
		}
	}
	if name == "" {
		c.region(row, others, line)
		return true
	}
	c.location(name, row, line)
	return true
}

// broken enters an error of the reader; false when nothing more can be read.
func (c *csvRows) broken(err error) bool {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		c.d.add(parse.StartLine, "%v; close every quote, and write a quote within quotes twice", parse.Err)
		return !c.d.full && c.d.More == 0
	}
	c.d.add(0, "%v", err)
	return false
}

// region declares one.
func (c *csvRows) region(row []string, others, line int) {
	i := slices.Index(c.columns, keyRegion)
	switch {
	case others != 1 || i < 0 || row[i] == "":
		c.d.add(line, "the location is missing; only a row with nothing but a region has none")
	case slices.Contains(c.d.topology.Regions, row[i]):
		c.d.add(line, "the region %q is there twice", clip(row[i]))
	case len(c.d.topology.Regions) >= maxRegions:
		c.d.beyond(line, "more than %d regions, which is the most that is possible", maxRegions)
	default:
		c.d.topology.Regions = append(c.d.topology.Regions, strings.Clone(row[i]))
	}
}

// location enters a row about one. What an earlier row said must not be said differently.
func (c *csvRows) location(name string, row []string, line int) {
	l, fresh := c.d.location(name, line)
	if l == nil {
		return
	}
	given := c.given[l.Name]
	if fresh {
		given = new([8]int32)
		c.given[l.Name] = given
	}
	for i, key := range c.columns {
		if row[i] == "" || key == keyName || key == "" {
			continue
		}
		if key == keySubnets {
			c.d.set(l, key, row[i], line)
			continue
		}
		k := slices.Index(locationKeys, key)
		if given[k] == 0 {
			given[k] = int32(line)
			c.d.set(l, key, row[i], line)
			continue
		}
		again := *l
		c.d.set(&again, key, row[i], line)
		if got, had := again.text(key), l.text(key); got != had {
			c.d.add(line, "the %s of %s is %q here and %q in line %d", key, l.Name, clip(got), clip(had), given[k])
		}
	}
}
