// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/store"
)

// Keys of the desired state.
const (
	keyDesired  = "hub/desired/"  // and the key of the register
	keyLocation = "hub/location/" // and the key of the register of a location
	keyAudit    = "hub/audit/"    // and the version of the first document, 20 digits
)

// recordsOf are those in which documents stand.
func recordsOf(docs []desired.Document, raws [][]byte) (list []store.Record) {
	for i, d := range docs {
		list = append(list, recordOf(d, raws[i]))
	}
	return list
}

func recordOf(d desired.Document, raw []byte) store.Record {
	if d.Kind == desired.Location {
		return store.Record{Key: keyLocation + d.Key().String(), Value: raw}
	}
	return store.Record{Key: keyDesired + d.Key().String(), Value: raw}
}

// orders is the desired state of the fleet and the log of who ordered it. What is in the book is durable.
type orders struct {
	ca    *authority
	store *store.Store

	mu     sync.Mutex // before Server.mu
	book   *desired.Book
	log    []uint64                       // of the audit log, in order
	undone map[string]string              // which entries were taken back, and by which
	signed map[desired.Key]uint64         // the version of what was said here since the start
	push   func(desired.Document, []byte) // told of every document that is new here
	swept  time.Time                      // when forget was last called
	moved  bool                           // a host has told of a location what the topology does not have yet
}

func openOrders(ca *authority, st *store.Store, now time.Time, skip func(key string, err error)) (*orders, error) {
	public, ok := ca.cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the CA's key is a %T, not an ECDSA key", ca.cert.PublicKey)
	}
	o := &orders{ca: ca, store: st, book: desired.NewBook(public, nil), signed: map[desired.Key]uint64{}, undone: map[string]string{},
		push: func(desired.Document, []byte) {}}
	var gone []store.Record
	err := st.Scan(keyDesired, func(key string, value []byte) bool {
		_, err := o.book.Heard(now, value)
		switch {
		case errors.Is(err, desired.ErrExpired):
			gone = append(gone, store.Record{Key: key})
		case err != nil:
			skip(key, err)
		}
		return true
	})
	if err == nil {
		err = st.Scan(keyLocation, func(key string, value []byte) bool {
			if _, err := o.book.Restored(now, bytes.Clone(value)); err != nil { // its signature was looked at before it was written, and there are many
				skip(key, err)
			}
			return true
		})
	}
	if err == nil {
		if _, moved := st.Lookup(keyMoved); !errors.Is(moved, store.ErrNotFound) {
			o.moved, err = true, moved
		}
	}
	if err == nil && len(gone) > 0 {
		if err = st.Record(gone...); errors.Is(err, store.ErrNoSpace) { // they are no less expired
			err = nil
		}
	}
	if err == nil {
		err = st.Scan(keyAudit, func(key string, line []byte) bool {
			var version uint64
			if _, err := fmt.Sscanf(strings.TrimPrefix(key, keyAudit), "%020d", &version); err != nil {
				skip(key, err)
				return true
			}
			o.log = append(o.log, version)
			if bytes.Contains(line, []byte(`"undo"`)) { // few are, and to decode a line takes time
				var e desired.Entry
				if err := json.Unmarshal(line, &e); err != nil {
					skip(key, err)
				} else if e.Command.Undo != "" {
					o.undone[e.Command.Undo] = e.ID
				}
			}
			return true
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the fleet's desired state: %w", err)
	}
	return o, nil
}

// enter signs documents and makes them and what belongs to them durable, then true, then known. The caller holds mu.
func (o *orders) enter(now time.Time, docs []desired.Document, more ...store.Record) error {
	raws, err := o.sign(docs)
	if err != nil {
		return err
	}
	return o.put(now, docs, raws, append(more, recordsOf(docs, raws)...))
}

func (o *orders) sign(docs []desired.Document) (raws [][]byte, err error) {
	raws = make([][]byte, len(docs))
	for i, d := range docs {
		if raws[i], err = desired.Sign(d, o.ca.key); err != nil {
			return nil, err
		}
	}
	return raws, nil
}

// put makes documents that were signed here durable with what belongs to them, then true, then known. The caller holds mu.
func (o *orders) put(now time.Time, docs []desired.Document, raws [][]byte, records []store.Record) error {
	if err := o.store.Record(records...); err != nil {
		return err
	}
	for i, d := range docs {
		if _, err := o.book.Restored(now, raws[i]); err != nil {
			return fmt.Errorf("a document that was just signed is not taken: %w", err)
		}
		o.signed[d.Key()] = d.Version
	}
	for i, d := range docs {
		o.push(d, raws[i])
	}
	return nil
}

// exchange compares what a host says of its desired state with the fleet's. handed says how many of its documents were news here:
// a hub that was set up again from an older copy learns so what it had ordered.
func (o *orders) exchange(now time.Time, id fleet.Identity, said *fleet.Desired) (reply *fleet.DesiredReply, handed int, err error) {
	if said == nil {
		return nil, 0, nil
	}
	if len(said.Documents) > fleet.MaxHanded || len(said.Digest) > desired.MaxDigest {
		return nil, 0, badRequest("%d documents and a digest of %d bytes: %d and %d are allowed", len(said.Documents), len(said.Digest),
			fleet.MaxHanded, desired.MaxDigest)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err = o.forget(now); err == nil {
		handed, err = o.take(now, said.Documents)
	}
	if err != nil {
		return nil, handed, err
	}
	root, malformed := desired.ParseRoot(said.Root) // which is as good as any that differs
	lacks, behind := o.book.Behind(id, root)
	switch behind = behind && malformed == nil; {
	case behind && len(lacks) == 0:
		return nil, handed, nil
	case behind:
		return &fleet.DesiredReply{Documents: lacks}, handed, nil
	case said.Digest == nil && said.Root != (desired.Root{}).String(): // who holds nothing has nothing to tell
		return &fleet.DesiredReply{Differs: true}, handed, nil
	}
	lacks, wants, err := o.book.Compare(id, said.Digest)
	if err != nil {
		return nil, handed, badRequest("%v", err)
	}
	reply = &fleet.DesiredReply{Differs: len(lacks) > fleet.MaxHanded || len(wants) > fleet.MaxHanded, Documents: lacks[:min(len(lacks), fleet.MaxHanded)]}
	for _, key := range wants[:min(len(wants), fleet.MaxHanded)] {
		reply.Wants = append(reply.Wants, key.String())
	}
	return reply, handed, nil
}

// take enters documents that a host hands in. What was said here of a register since the start is said again, on top of what the
// hub had forgotten: the operator's last word counts. The caller holds mu.
func (o *orders) take(now time.Time, raws [][]byte) (news int, err error) {
	var again []desired.Document
	for _, raw := range raws {
		d, err := o.book.Check(now, raw)
		if err != nil {
			continue // nothing new, or nothing that the fleet's CA signed
		}
		records := []store.Record{recordOf(d, raw)}
		if d.Kind == desired.Location {
			records = append(records, store.Record{Key: keyMoved, Value: []byte{1}})
		}
		if err := o.store.Record(records...); err != nil {
			return news, err
		}
		mine, _ := o.book.Find(d.Register)
		if _, err := o.book.Restored(now, raw); err != nil {
			return news, err
		}
		news++
		if version, ok := o.signed[d.Key()]; ok && version == mine.Version && version != d.Version {
			again = append(again, o.book.Said(now, d.Register, mine.Rule))
			continue
		}
		o.moved = o.moved || d.Kind == desired.Location
		o.push(d, raw)
	}
	for _, d := range again {
		d.Version = max(d.Version, o.book.Newest()+1)
		if err := o.enter(now, []desired.Document{d}); err != nil {
			return news, err
		}
	}
	return news, nil
}

// sweepEvery is how often what expired is looked for.
const sweepEvery = time.Minute

// forget drops what expired, here and on the disk. The caller holds mu.
func (o *orders) forget(now time.Time) error {
	if now.Sub(o.swept).Abs() < sweepEvery {
		return nil
	}
	o.swept = now
	var gone []store.Record
	for _, key := range o.book.Forget(now) {
		gone = append(gone, store.Record{Key: keyDesired + key.String()})
		delete(o.signed, key)
	}
	if len(gone) == 0 {
		return nil
	}
	return o.store.Record(gone...)
}

// revoked reports whether a host is none of the fleet any more.
func (o *orders) revoked(now time.Time, peer string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.book.Revoked(now, peer)
}
