// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

// keyTopology and its version in 20 digits is where each version of the topology stands.
const keyTopology = "hub/topology/"

// keptTopologies is how many versions are kept, the current one included, so that a change can be taken back.
const keptTopologies = 8

func topologyKey(version uint64) string { return fmt.Sprintf("%s%020d", keyTopology, version) }

// topologyVersions lists the versions in the store, oldest first.
func (s *Server) topologyVersions() ([]uint64, error) {
	var list []uint64
	err := s.o.Store.Scan(keyTopology, func(key string, _ []byte) bool {
		if v, err := strconv.ParseUint(strings.TrimPrefix(key, keyTopology), 10, 64); err == nil {
			list = append(list, v)
		}
		return true
	})
	return list, err
}

// restoreTopology takes up the newest version that can be read. One that cannot is left out; its number is never given
// again.
func (s *Server) restoreTopology() error {
	s.topology = topology.NewIndex(&topology.Topology{})
	versions, err := s.topologyVersions()
	if err != nil {
		return fmt.Errorf("the hub's topology: %w", err)
	}
	for i, v := range slices.Backward(versions) {
		t, err := s.topologyAt(v)
		if err != nil {
			s.o.Log.Error("left out of the hub's journal", "record", topologyKey(v), "err", err)
			continue
		}
		t.Version = versions[len(versions)-1] // of what cannot be read, too
		if s.merged.behind = i < len(versions)-1; s.merged.behind {
			s.o.Log.Warn("an older topology is in use", "version", v)
		}
		s.topology = topology.NewIndex(t)
		return nil
	}
	return nil
}

// topologyAt reads one version. store.ErrNotFound.
func (s *Server) topologyAt(version uint64) (*topology.Topology, error) {
	if version == 0 { // from before anything was said
		return &topology.Topology{}, nil
	}
	b, err := s.o.Store.Lookup(topologyKey(version))
	if err != nil {
		return nil, err
	}
	return topology.Decode(b)
}

// getTopology answers with the current topology, or with an older version that is still kept.
func (s *Server) getTopology(w http.ResponseWriter, r *http.Request) {
	t := s.network().Topology()
	if text := r.FormValue("version"); text != "" {
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			refuse(w, badRequest("the version %q is not a number", text))
			return
		}
		if t, err = s.topologyAt(v); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				err = &api.Problem{Title: fmt.Sprintf("version %d of the topology is not kept", v), Detail: fmt.Sprintf("the last %d are", keptTopologies),
					Status: http.StatusNotFound, Code: api.CodeNotFound}
			}
			refuse(w, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(t.Encode()) // the asker may have gone
}

// putTopology replaces the topology by one that was made from its current version. What is durable is whole, and its
// version is one more; two operators who change it at once do not overwrite one another.
func (s *Server) putTopology(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, topology.MaxDocument))
	if err != nil {
		refuse(w, badRequest("the topology: %v", err))
		return
	}
	t, err := topology.Decode(b)
	if err != nil {
		refuse(w, badRequest("%v", err))
		return
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.takeUpAll(); err != nil {
		refuse(w, err)
		return
	}
	if now := s.network().Topology().Version; now != t.Version {
		refuse(w, changedMeanwhile("it is at version %d, and this is a change of version %d", now, t.Version))
		return
	}
	t.Version++
	x := topology.NewIndex(t)
	records, err := s.topologyRecords(t)
	if err == nil {
		err = s.orders.locate(s.o.Clock(), x.Words(), records)
	}
	switch {
	case errors.Is(err, errMoved):
		err = changedMeanwhile("%v", err)
	case errors.Is(err, desired.ErrFull):
		err = &api.Problem{Title: err.Error(), Status: http.StatusBadRequest, Code: api.CodeBadRequest, Hint: "name locations as they were named before"}
	}
	if err != nil {
		refuse(w, err)
		return
	}
	s.setNetwork(x)
	s.o.Log.Info("topology changed", "version", t.Version, "locations", len(t.Locations))
	answer(w, map[string]uint64{"version": t.Version})
}

func changedMeanwhile(format string, args ...any) error {
	return &api.Problem{Title: "the topology was changed meanwhile: " + fmt.Sprintf(format, args...), Status: http.StatusConflict, Code: api.CodeExists,
		Hint: "look at it and change it again"}
}

// topologyRecords are those that write a version, and drop those that are too old.
func (s *Server) topologyRecords(t *topology.Topology) ([]store.Record, error) {
	versions, err := s.topologyVersions()
	if err != nil {
		return nil, err
	}
	records := []store.Record{{Key: topologyKey(t.Version), Value: t.Encode()}}
	for _, old := range versions[:max(0, len(versions)+1-keptTopologies)] {
		records = append(records, store.Record{Key: topologyKey(old)})
	}
	return records, nil
}

func (s *Server) setNetwork(x *topology.Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topology = x
}

// network is the topology as it is now.
func (s *Server) network() *topology.Index {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topology
}
