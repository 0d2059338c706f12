// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

// A day is how busy a link is, in percent, by the hour.
type day [24]float64

// The days that the built-in profiles are made of. They are typical shapes, not measurements of yours: a profile of one's own is better.
var (
	workday = day{2, 2, 2, 2, 2, 3, 6, 15, 32, 42, 45, 42, 35, 40, 45, 42, 36, 24, 12, 7, 5, 4, 3, 2}
	weekend = day{2, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2}
	trading = day{3, 3, 3, 3, 3, 4, 8, 15, 25, 30, 35, 38, 40, 38, 35, 36, 40, 42, 38, 28, 30, 25, 8, 4} // with the books sent off after closing
	closed  = day{3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 3, 3}
	always  = day{25, 22, 20, 20, 20, 22, 26, 32, 38, 42, 44, 44, 42, 44, 45, 45, 44, 42, 40, 38, 36, 34, 30, 27}
)

// builtIn are the profiles that have a name from the start: the seven days of the week, from Monday.
var builtIn = map[string][7]day{
	"idle":            {},
	"office":          {workday, workday, workday, workday, workday, weekend, weekend},
	"shop":            {trading, trading, trading, trading, trading, trading, closed},
	"round-the-clock": {always, always, always, always, always, always, always},
}

// builtInSway is how much locations with a built-in profile differ from one another.
const builtInSway = 0.25

// Profiles names the built-in ones.
func Profiles() []string { return slices.Sorted(maps.Keys(builtIn)) }

// Profile is a built-in profile.
func Profile(name string) (*plan.Profile, bool) {
	week, ok := builtIn[name]
	p := &plan.Profile{Name: name}
	if ok && name != "idle" {
		p.Sway = builtInSway
	}
	for d, hours := range week {
		for h, percent := range hours {
			p.Load[d*24+h] = percent / 100
		}
	}
	return p, ok
}

// profile reads one of the user's own.
func (r *reader) profile(name, n *yaml.Node) {
	p := &plan.Profile{Name: name.Value}
	if _, ok := builtIn[name.Value]; ok {
		r.Problem(name, "the profile %s is built in; give yours another name", name.Value)
	}
	var hours []float64
	given, scale := 0, 1.0
	one := quantity{strict.Share, 0, 1, "a share of the link, as 30% or 0.3"}
	r.Mapping(n, strict.Fields{
		"like": func(n *yaml.Node) {
			given++
			text, _ := r.Scalar(n)
			like, ok := Profile(text)
			if !ok {
				r.Unknown(n, "built-in profile", Profiles())
			}
			hours, p.Sway = like.Load[:], like.Sway
		},
		"hours": func(n *yaml.Node) {
			given++
			r.List(n, func(n *yaml.Node) {
				if v, ok := r.value(n, one); ok {
					hours = append(hours, v)
				}
			})
			r.week(n, len(n.Content))
		},
		"csv": func(n *yaml.Node) {
			given++
			var ok bool
			if hours, ok = r.column(n, one, len(p.Load)); ok {
				r.week(n, len(hours))
			}
		},
		"scale": func(n *yaml.Node) { r.Number(n, &scale, 0, 10) },
		"sway":  func(n *yaml.Node) { r.Number(n, &p.Sway, 0, 2) },
	})
	if n.Kind == yaml.MappingNode && given != 1 {
		r.Problem(n, "want one of csv, hours, like; there are %d", given)
	}
	for i := range min(len(hours), len(p.Load)) {
		p.Load[i] = min(float64(hours[i]*scale), 1)
	}
	if r.profiles == nil {
		r.profiles = map[string]int{}
	}
	r.profiles[p.Name] = len(r.profileList)
	r.profileList = append(r.profileList, p)
}

// week refuses any other number of hours than a week has.
func (r *reader) week(n *yaml.Node, hours int) {
	if hours != 7*24 {
		r.Problem(n, "there are %d hours; give the 168 of a week, from Monday 00:00", hours)
	}
}

// profileOf is the profile that a location names; nil: there is none such.
func (r *reader) profileOf(n *yaml.Node) *plan.Profile {
	text, ok := r.Scalar(n)
	if !ok {
		return nil
	}
	if i, ok := r.profiles[text]; ok {
		return r.profileList[i]
	}
	if p, ok := Profile(text); ok {
		return p
	}
	r.Unknown(n, "profile", append(slices.Sorted(maps.Keys(r.profiles)), Profiles()...))
	return nil
}
