// SPDX-License-Identifier: Apache-2.0

package transfer

import "time"

// watch knows whether the other side is alive: it pings, and measures the silence.
type watch struct {
	every, idle time.Duration

	heard  time.Time // when the last message came
	silent bool      // the owner was told of this silence

	pingAt time.Time     // when the next ping is due; zero before the peer's hello and while a ping waits to be cut
	nonce  uint64        // of our newest ping; they count up from 1
	waits  bool          // that ping waits to be cut
	sentAt time.Time     // when it was cut
	ponged uint64        // newest nonce that was answered
	rtt    time.Duration // of the newest ping that was answered

	owes     bool // their newest ping waits for its answer
	owedWith uint64
}

// started notes that the peer is there: the first ping goes at once and measures the round trip.
func (w *watch) started(now time.Time) { w.pingAt = now }

func (w *watch) received(now time.Time) { w.heard, w.silent = now, false }

// pinged notes a ping of theirs. One that finds an older one unanswered replaces it, so that pings cannot pile up.
func (w *watch) pinged(p Ping) { w.owes, w.owedWith = true, p.Nonce }

// pongArrived takes their answer; each of our pings may be answered once, and older ones not after newer ones.
func (w *watch) pongArrived(now time.Time, p Pong) (fault string) {
	sent := w.nonce
	if w.waits {
		sent--
	}
	if p.Nonce <= w.ponged || p.Nonce > sent {
		return "answers no ping"
	}
	w.ponged = p.Nonce
	if p.Nonce == sent {
		w.rtt = now.Sub(w.sentAt)
	}
	return ""
}

// next is the ping or pong that waits, if any.
func (w *watch) next(now time.Time) (Message, bool) {
	switch {
	case w.owes:
		w.owes = false
		return Pong{Nonce: w.owedWith}, true
	case w.waits:
		w.waits, w.sentAt, w.pingAt = false, now, now.Add(w.every)
		return Ping{Nonce: w.nonce}, true
	}
	return nil, false
}

// advance makes a ping when one is due, and says whether the silence has just become too long.
func (w *watch) advance(now time.Time) (lost bool) {
	if !w.pingAt.IsZero() && !now.Before(w.pingAt) {
		w.nonce++
		w.waits, w.pingAt = true, time.Time{}
	}
	if w.silent || now.Before(w.heard.Add(w.idle)) {
		return false
	}
	w.silent = true
	return true
}

func (w *watch) deadline() time.Time {
	if w.silent {
		return w.pingAt
	}
	return earliest(w.pingAt, w.heard.Add(w.idle))
}

// earliest is the earlier of two deadlines, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
