// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/units"
)

// dash stands for what is not known.
const dash = "–"

// words are the functions of the templates: how figures are written for people.
var words = template.FuncMap{
	"iec": units.IEC, "bits": units.Bitrate, "percent": percent, "times": times, "ms": milliseconds, "short": func(id content.ID) string { return id.Short() },
	"date":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"ago":   ago, "flows": flowWords, "list": func(x []string) string { return strings.Join(x, ", ") },
	"float": func(v int64) float64 { return float64(v) },
	"add":   func(a, b float64) float64 { return a + b },
	"share": func(p board.Progress) int { return int(100 * max(known(p.Share()), 0)) },
	"tell":  hub.Tell,
	"turn":  func(rel, label, url string) turn { return turn{rel, label, url} },
	"row":   func(v *view, data any) row { return row{v, data} },
}

// row is what a partial template needs besides its own data.
type row struct {
	View *view
	Data any
}

// turn is a way to another page of a list.
type turn struct{ Rel, Label, URL string }

func percent(v *float64) string {
	if v == nil {
		return dash
	}
	return fmt.Sprintf("%.0f %%", math.Floor(*v*100)) // 100 % is all of it
}

func times(v *float64) string {
	if v == nil {
		return dash
	}
	return fmt.Sprintf("%.2f×", *v)
}

func milliseconds(v *float64) string {
	if v == nil {
		return dash
	}
	if *v >= 1000 {
		return fmt.Sprintf("%.1f s", *v/1000)
	}
	return fmt.Sprintf("%.1f ms", *v)
}

func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case d < 2*time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
}

// flowWords says what flows are doing, leaving out what none does.
func flowWords(f board.Flows) string {
	var parts []string
	for _, x := range []struct {
		n    int
		name string
	}{{f.Resolving, "resolving"}, {f.Fetching, "fetching"}, {f.Waiting, "waiting"}, {f.Assembling, "writing"}, {f.Paused, "paused"},
		{f.Failed, "failed"}, {f.Cancelled, "cancelled"}, {f.Done, "done"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.name))
		}
	}
	if len(parts) == 0 {
		return dash
	}
	return strings.Join(parts, ", ")
}
