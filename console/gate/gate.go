// SPDX-License-Identifier: Apache-2.0

// Package gate decides who may look at the console and what they may do there.
//
// Words. A link lets somebody in once, within LinkFor; who makes it says in which role and under what name. A session is what a link is
// exchanged for; it ends after SessionFor, whatever happens in it, or when it is left. A role is what a session may do: a viewer looks, an
// operator looks at what was done as well, an admin lets others in.
//
// Secrets are 32 random bytes that the edge makes; the gate knows only their hashes. Links and sessions are bounded in number: of too many
// the oldest goes.
//
// The package is pure. A restart of the hub ends all sessions. It is not promised that a link was used by whom it was meant for; that it
// was used at all is told to whoever comes second.
package gate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

const (
	// LinkFor is how long a link is good.
	LinkFor = 15 * time.Minute
	// SessionFor is how long a session lasts: a working day.
	SessionFor = 12 * time.Hour

	maxLinks    = 64
	maxSessions = 256
	maxName     = 64 // bytes
)

// Why somebody is not let in.
var (
	ErrLink    = errors.New("this link is not known, was used already or has expired")
	ErrSession = errors.New("this session has ended")
	ErrRole    = errors.New("not a role")
	ErrName    = errors.New("not a name")
)

// Role is what a session may do. A greater one may do all that a lesser one may.
type Role int

// The roles.
const (
	Nobody Role = iota
	Viewer
	Operator
	Admin
)

var names = [...]string{"nobody", "viewer", "operator", "admin"}

func (r Role) String() string { return names[r] }

// ParseRole reads viewer, operator or admin. ErrRole.
func ParseRole(s string) (Role, error) {
	for r := Viewer; r <= Admin; r++ {
		if names[r] == s {
			return r, nil
		}
	}
	return Nobody, fmt.Errorf("%w: %q; there are viewer, operator and admin", ErrRole, s)
}

// Secret is what lets in.
type Secret [32]byte

func (s Secret) hash() [32]byte { return sha256.Sum256(s[:]) }

// Pass is who somebody is, in which role, and until when.
type Pass struct {
	Name  string
	Role  Role
	Until time.Time
}

// Gate is the state; its owner serialises.
type Gate struct {
	links    map[[32]byte]Pass
	sessions map[[32]byte]Pass
}

// New lets nobody in yet.
func New() *Gate { return &Gate{links: map[[32]byte]Pass{}, sessions: map[[32]byte]Pass{}} }

// Linked makes a link good. ErrName, ErrRole.
func (g *Gate) Linked(now time.Time, s Secret, name string, role Role) (Pass, error) {
	if err := validName(name); err != nil {
		return Pass{}, err
	}
	if role < Viewer || role > Admin {
		return Pass{}, fmt.Errorf("%w: %d", ErrRole, role)
	}
	p := Pass{Name: name, Role: role, Until: now.Add(LinkFor)}
	put(now, g.links, maxLinks, s, p)
	return p, nil
}

// validName accepts 1 to 64 printable characters of ASCII.
func validName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: it has 1 to %d characters", ErrName, maxName)
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}

// Opened exchanges a link for a session. ErrLink.
func (g *Gate) Opened(now time.Time, link, session Secret) (Pass, error) {
	p, ok := g.links[link.hash()]
	delete(g.links, link.hash())
	if !ok || !now.Before(p.Until) {
		return Pass{}, ErrLink
	}
	p.Until = now.Add(SessionFor)
	put(now, g.sessions, maxSessions, session, p)
	return p, nil
}

// Holds is whose session it is. ErrSession.
func (g *Gate) Holds(now time.Time, session Secret) (Pass, error) {
	p, ok := g.sessions[session.hash()]
	if !ok || !now.Before(p.Until) {
		return Pass{}, ErrSession
	}
	return p, nil
}

// Left ends a session.
func (g *Gate) Left(session Secret) { delete(g.sessions, session.hash()) }

// put enters a pass, and drops those that have ended or, if there are still too many, the one that ends first.
func put(now time.Time, in map[[32]byte]Pass, most int, s Secret, p Pass) {
	for h, old := range in {
		if !now.Before(old.Until) {
			delete(in, h)
		}
	}
	for len(in) >= most {
		var first [32]byte
		var at time.Time
		for h, old := range in {
			if at.IsZero() || old.Until.Before(at) {
				first, at = h, old.Until
			}
		}
		delete(in, first)
	}
	in[s.hash()] = p
}
