// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/hub"
)

// published is what ebb publish prints as JSON. With --dry-run it is what would be.
type published struct {
	api.Publish
	Order *api.Steered `json:"order,omitempty"`
}

// announced is what the hub will say of a content.
func announced(id content.ID, m *content.Manifest) api.Publish {
	p := api.Publish{ID: id, Name: m.Name, Version: m.Version, Type: m.Type, Size: m.Size(), Chunks: len(m.Chunks)}
	for _, e := range m.Entries {
		if e.Kind == content.File {
			p.Files++
		}
	}
	return p
}

func (f *publishFlags) steer(dry bool) *steerFlags {
	return &steerFlags{dry: dry, yes: f.yes, state: &f.state, json: &f.json}
}

// preview asks what an order of a content would touch that is not catalogued yet, and refuses what must be meant and was not said to be.
func (f *publishFlags) preview(cmd *cobra.Command, m *content.Manifest, id content.ID) (*api.Steered, error) {
	c, err := f.order.command(m.Name, id)
	if err != nil {
		return nil, err
	}
	size, seen := int64(0), map[content.ID]bool{}
	for _, x := range m.Chunks {
		if !seen[x.ID] {
			seen[x.ID] = true
			size += int64(x.Size)
		}
	}
	e, err := f.steer(true).send(cmd, c, max(size, 1))
	c.Yes = f.yes
	var confirm *hub.ConfirmError
	if err == nil && !f.dry && errors.As(hub.Confirmed(c, e.Touched), &confirm) {
		err = &hintedError{text: confirm.Error() + "; nothing was published", hint: "look at it with --dry-run; if it is meant, say --yes", code: exitUsage,
			err: confirm}
	}
	return &e, err
}

// give orders what was just published.
func (f *publishFlags) give(cmd *cobra.Command, p api.Publish) (*api.Steered, error) {
	c, err := f.order.command(p.Name, p.ID)
	if err != nil {
		return nil, err
	}
	c.Yes = f.yes
	e, err := f.steer(false).send(cmd, c, 0)
	if err != nil {
		err = &hintedError{text: fmt.Sprintf("%s is published as %s, and was not ordered: %v", p.Name, p.ID, err), code: exitPartly, err: err,
			hint: fmt.Sprintf("ebb content order %s --to %s --state %s", p.ID, f.order.to, f.state)}
	}
	return &e, err
}

// tell prints the id on stdout, and what was ordered beside it.
func (f *publishFlags) tell(cmd *cobra.Command, p published) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), p)
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), p.ID); err != nil {
		return err
	}
	if p.Order != nil {
		f.steer(f.dry).tell(cmd, cmd.ErrOrStderr(), p.Order.Command, *p.Order)
	}
	return nil
}
