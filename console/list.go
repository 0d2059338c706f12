// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ebbproject/ebb/fleet/board"
)

// Pages of a list.
const (
	perPage     = 50
	mostPerPage = 500
)

// query is what a list was asked for.
type query struct {
	Text   string // that a row contains
	Type   string // content type
	Region string
	Sort   string
	Desc   bool
	Page   int // from 1
	Size   int
}

// parseQuery reads the parameters of a list; sort is one of the columns, the first when none is said.
func parseQuery(v url.Values, columns []string) (query, error) {
	q := query{Text: strings.ToLower(strings.TrimSpace(v.Get("q"))), Type: v.Get("type"), Region: v.Get("region"), Sort: v.Get("sort"), Page: 1, Size: perPage}
	if len(q.Text) > 128 {
		return q, badRequest("a search has at most 128 characters")
	}
	if q.Sort == "" {
		q.Sort = columns[0]
	}
	if !slices.Contains(columns, q.Sort) {
		return q, badRequest("it cannot be sorted by %q: there are %s", q.Sort, strings.Join(columns, ", "))
	}
	switch order := v.Get("order"); order {
	case "", "asc":
	case "desc":
		q.Desc = true
	default:
		return q, badRequest("the order %q is neither asc nor desc", order)
	}
	for _, n := range []struct {
		name string
		most int
		to   *int
	}{{"page", 1_000_000, &q.Page}, {"size", mostPerPage, &q.Size}} {
		text := v.Get(n.name)
		if text == "" {
			continue
		}
		i, err := strconv.Atoi(text)
		if err != nil || i < 1 || i > n.most {
			return q, badRequest("%s %q is not a number from 1 to %d", n.name, text, n.most)
		}
		*n.to = i
	}
	return q, nil
}

// List is a page of rows.
type List[T any] struct {
	Total int    `json:"total"` // rows that were found
	Page  int    `json:"page"`  // from 1; the last one where there are fewer
	Pages int    `json:"pages"`
	Size  int    `json:"size"` // rows on a page
	Sort  string `json:"sort"`
	Order string `json:"order"`
	Items []T    `json:"items"`
}

// Prev and Next are the numbers of the pages beside this one.
func (l List[T]) Prev() int { return l.Page - 1 }

// Next: see Prev.
func (l List[T]) Next() int { return l.Page + 1 }

// pick sorts and cuts rows that were found; rows is its own.
func pick[T any](q query, rows []T, compare func(x, y T) int) List[T] {
	slices.SortStableFunc(rows, func(x, y T) int {
		if q.Desc {
			return compare(y, x)
		}
		return compare(x, y)
	})
	l := List[T]{Total: len(rows), Pages: max((len(rows)+q.Size-1)/q.Size, 1), Size: q.Size, Sort: q.Sort, Order: "asc", Items: []T{}}
	if q.Desc {
		l.Order = "desc"
	}
	l.Page = min(q.Page, l.Pages)
	first := (l.Page - 1) * q.Size
	l.Items = append(l.Items, rows[min(first, len(rows)):min(first+q.Size, len(rows))]...)
	return l
}

var (
	locationColumns = []string{"location", "region", "hosts", "flows", "progress", "rate", "queue", "wan", "saved", "amplification", "harm"}
	contentColumns  = []string{"name", "type", "size", "created", "whole", "flows", "progress", "rate", "wan", "saved", "amplification"}
	hostColumns     = []string{"flows", "peer", "subnet", "heard", "progress", "rate", "holds"}
	shareColumns    = []string{"flows", "location", "whole", "part", "progress", "rate", "lan", "wan", "origin", "amplification"}
)

func listLocations(c *board.Census, q query) List[board.Location] {
	var rows []board.Location
	for _, l := range c.Locations {
		found := q.Text == "" || strings.Contains(l.Name, q.Text) || strings.Contains(strings.ToLower(l.Region), q.Text) || strings.Contains(l.Reason, q.Text)
		if found && (q.Region == "" || l.Region == q.Region) {
			rows = append(rows, l)
		}
	}
	by := map[string]func(l board.Location) float64{
		"hosts": func(l board.Location) float64 { return float64(l.Hosts.Online) }, "flows": func(l board.Location) float64 { return float64(l.Flows.Open()) },
		"progress": func(l board.Location) float64 { return known(l.Progress.Share()) }, "rate": func(l board.Location) float64 { return l.Now.LAN + l.Now.WAN },
		"queue": func(l board.Location) float64 { return known(l.Now.Queue) }, "wan": func(l board.Location) float64 { return float64(l.Bytes.Far()) },
		"saved": func(l board.Location) float64 { return known(l.Saved) }, "amplification": func(l board.Location) float64 { return known(l.Amplification) },
		"harm": func(l board.Location) float64 { return known(l.Harm.Added) },
	}[q.Sort]
	return pick(q, rows, func(x, y board.Location) int {
		switch {
		case by != nil:
			return cmp.Compare(by(x), by(y))
		case q.Sort == "region":
			return cmp.Compare(x.Region, y.Region)
		}
		return cmp.Compare(x.Name, y.Name)
	})
}

func listContents(c *board.Census, q query) List[board.Content] {
	var rows []board.Content
	for _, x := range c.Contents {
		found := q.Text == "" || strings.Contains(strings.ToLower(x.Name+" "+x.Version+" "+x.Type), q.Text) || strings.HasPrefix(x.ID.String(), q.Text)
		if found && (q.Type == "" || x.Type == q.Type) {
			rows = append(rows, x)
		}
	}
	by := map[string]func(x board.Content) float64{
		"size": func(x board.Content) float64 { return float64(x.Size) }, "created": func(x board.Content) float64 { return float64(x.Created.Unix()) },
		"whole": func(x board.Content) float64 { return float64(x.Whole) }, "flows": func(x board.Content) float64 { return float64(x.Flows.Open()) },
		"progress": func(x board.Content) float64 { return known(x.Progress.Share()) }, "rate": func(x board.Content) float64 { return x.Rate },
		"wan": func(x board.Content) float64 { return float64(x.Bytes.Far()) }, "saved": func(x board.Content) float64 { return known(x.Saved) },
		"amplification": func(x board.Content) float64 { return known(x.Amplification) },
	}[q.Sort]
	return pick(q, rows, func(x, y board.Content) int {
		switch {
		case by != nil:
			return cmp.Compare(by(x), by(y))
		case q.Sort == "type":
			return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Name, y.Name))
		}
		return cmp.Compare(x.Name, y.Name)
	})
}

// listHosts is those that fetch first, as long as nobody wants it otherwise.
func listHosts(hosts []board.Host, q query) List[board.Host] {
	var rows []board.Host
	for _, h := range hosts {
		if q.Text == "" || strings.HasPrefix(h.Peer, q.Text) || strings.Contains(h.Subnet, q.Text) || strings.Contains(string(h.Link)+" "+h.Refuses, q.Text) {
			rows = append(rows, h)
		}
	}
	by := map[string]func(h board.Host) float64{
		"flows": func(h board.Host) float64 { return float64(h.Flows.Open()) }, "heard": func(h board.Host) float64 { return float64(h.Seen.Unix()) },
		"progress": func(h board.Host) float64 { return known(h.Progress.Share()) }, "rate": func(h board.Host) float64 { return h.Rate },
		"holds": func(h board.Host) float64 { return float64(h.Whole) },
	}[q.Sort]
	return pick(q, rows, func(x, y board.Host) int {
		switch {
		case by != nil:
			return cmp.Compare(by(x), by(y))
		case q.Sort == "subnet":
			return cmp.Compare(x.Subnet, y.Subnet)
		}
		return cmp.Compare(x.Peer, y.Peer)
	})
}

// listShares is the locations where most fetch first, as long as nobody wants it otherwise.
func listShares(shares []board.Share, q query) List[board.Share] {
	var rows []board.Share
	for _, s := range shares {
		if q.Text == "" || strings.Contains(s.Location, q.Text) || strings.Contains(s.Reason, q.Text) {
			rows = append(rows, s)
		}
	}
	by := map[string]func(s board.Share) float64{
		"flows": func(s board.Share) float64 { return float64(s.Flows.Open()) }, "whole": func(s board.Share) float64 { return float64(s.Whole) },
		"part": func(s board.Share) float64 { return float64(s.Part) }, "progress": func(s board.Share) float64 { return known(s.Progress.Share()) },
		"rate": func(s board.Share) float64 { return s.Rate }, "lan": func(s board.Share) float64 { return float64(s.Bytes.LAN) },
		"wan": func(s board.Share) float64 { return float64(s.Bytes.WAN) }, "origin": func(s board.Share) float64 { return float64(s.Bytes.Origin) },
		"amplification": func(s board.Share) float64 { return known(s.Amplification) },
	}[q.Sort]
	return pick(q, rows, func(x, y board.Share) int {
		if by != nil {
			return cmp.Compare(by(x), by(y))
		}
		return cmp.Compare(x.Location, y.Location)
	})
}

// known sorts what is not known before everything else.
func known(v *float64) float64 {
	if v == nil {
		return -1e300
	}
	return *v
}
