// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !windows

package sense

import "github.com/ebbproject/ebb/agent/gentle"

// system tells nothing here.
type system struct{}

func (s *system) cpu() float64 { return gentle.Unknown }

func (s *system) queue(string) float64 { return gentle.Unknown }

func (s *system) power() gentle.Power { return gentle.PowerUnknown }

func (s *system) link(string) gentle.Link { return gentle.LinkUnknown }
