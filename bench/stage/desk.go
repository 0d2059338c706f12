// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// desk is all of a hub that two hosts need: the directory, and the manifests.
type desk struct {
	mu        sync.Mutex
	directory *fleet.Directory
	contents  map[string][]byte // by id
}

// deskOf is the desk as one host sees it.
type deskOf struct {
	*desk
	daemon.Post // nobody reports by way of others
	caller      fleet.Identity
}

func (d *desk) of(caller fleet.Identity) daemon.Hub { return deskOf{desk: d, caller: caller} }

func (d *desk) listed(hub fleet.Member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.directory = fleet.NewDirectory(hub)
}

func (d *desk) published(s *content.Signed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.contents[s.ID().String()] = s.Encode()
}

// Sync implements daemon.Hub.
func (d deskOf) Sync(_ context.Context, r fleet.SyncRequest) (fleet.SyncReply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.directory.Announced(now, d.caller, r)
	return d.directory.Reply(now, d.caller, r.Wanted), nil
}

// Content implements daemon.Hub.
func (d deskOf) Content(_ context.Context, ref string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if raw := d.contents[ref]; raw != nil {
		return raw, nil
	}
	return nil, fmt.Errorf("no content %s", ref)
}

// Copies implements daemon.Hub.
func (d deskOf) Copies(_ context.Context, r fleet.CopiesRequest) (fleet.CopiesReply, error) {
	return fleet.CopiesReply{Ahead: make([]int, len(r.Kept))}, nil
}
