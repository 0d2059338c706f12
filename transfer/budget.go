// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"math"
	"time"
)

// CapabilityBudget is the capability of a host that shares its location's bandwidth by leases.
const CapabilityBudget = "budget"

// Limits of Budget.
const (
	MaxBudgetWeight = 100
	MaxBudgetLease  = time.Second
	maxBudgetRate   = 1 << 50 // bytes a second
)

// Direction is which half of a location's uplink a budget is for.
type Direction uint8

// The closed list of directions.
const (
	Upwards   Direction = iota // what the location sends to others
	Downwards                  // what it receives from others
)

// BudgetKind says what a Budget is.
type BudgetKind uint8

// The closed list of what a Budget is.
const (
	BudgetBeat  BudgetKind = iota // the coordinator is here: answer with BudgetAsk
	BudgetAsk                     // the host could use Rate; the last grant that it took has Number
	BudgetGrant                   // the host may use Rate for Life, from when it asked in answer to beat Seq
	BudgetTook                    // the host uses the grant of that Number and no earlier one
)

// Budget is what hosts of one location tell one another to share its bandwidth; ledbat/group says what each field means. Fields that its
// kind does not have are zero.
type Budget struct {
	Direction   Direction
	Kind        BudgetKind
	Epoch       uint64        // of the coordinator
	Coordinator string        // its name in the fleet
	Seq         uint64        // of the beat that this is, answers, or goes back to
	Number      uint64        // of the grant; not in a beat
	Rate        uint64        // bytes a second, up to 2^50; of ask and grant
	Weight      uint8         // 1 to MaxBudgetWeight; of ask
	Life        time.Duration // whole milliseconds, at most MaxBudgetLease; of grant
}

// Append implements Message.
func (m Budget) Append(dst []byte) []byte {
	dst = append(dst, typeBudget, byte(m.Direction), byte(m.Kind))
	dst = appendUvarint(dst, m.Epoch)
	dst = appendText(dst, m.Coordinator)
	dst = appendUvarint(dst, m.Seq)
	if m.Kind == BudgetBeat {
		return dst
	}
	dst = appendUvarint(dst, m.Number)
	switch m.Kind {
	case BudgetAsk:
		dst = append(appendUvarint(dst, m.Rate), m.Weight)
	case BudgetGrant:
		dst = appendUvarint(appendUvarint(dst, m.Rate), uint64(m.Life/time.Millisecond))
	}
	return dst
}

func (r *reader) budget() Budget {
	m := Budget{
		Direction:   Direction(r.byte(0, byte(Downwards), "direction")),
		Kind:        BudgetKind(r.byte(0, byte(BudgetTook), "kind")),
		Epoch:       r.uvarint(1, math.MaxUint64, "epoch"),
		Coordinator: r.text(1, MaxPeerName, isPrintable, "coordinator"),
		Seq:         r.uvarint(1, math.MaxUint64, "beat"),
	}
	switch m.Kind {
	case BudgetAsk:
		m.Number = r.uvarint(0, math.MaxUint64, "grant")
		m.Rate = r.uvarint(0, maxBudgetRate, "rate")
		m.Weight = r.byte(1, MaxBudgetWeight, "weight")
	case BudgetGrant:
		m.Number = r.uvarint(1, math.MaxUint64, "grant")
		m.Rate = r.uvarint(0, maxBudgetRate, "rate")
		m.Life = time.Duration(r.uvarint(0, uint64(MaxBudgetLease/time.Millisecond), "life")) * time.Millisecond
	case BudgetTook:
		m.Number = r.uvarint(1, math.MaxUint64, "grant")
	}
	return m
}

func (d Direction) String() string { return [...]string{"up", "down"}[d] }

func (k BudgetKind) String() string { return [...]string{"beat", "ask", "grant", "took"}[k] }

func (m Budget) String() string {
	s := fmt.Sprintf("budget %v %v epoch %d by %s beat %d", m.Direction, m.Kind, m.Epoch, m.Coordinator, m.Seq)
	switch m.Kind {
	case BudgetAsk:
		s += fmt.Sprintf(" has %d wants %d weight %d", m.Number, m.Rate, m.Weight)
	case BudgetGrant:
		s += fmt.Sprintf(" number %d of %d for %v", m.Number, m.Rate, m.Life)
	case BudgetTook:
		s += fmt.Sprintf(" number %d", m.Number)
	}
	return s
}

// Budget tells the other side something of the location's budget, if it shares it; otherwise it does nothing. It takes the place of an older
// one of its kind and direction that has not left, so that a peer that does not listen costs no more than eight of them.
func (s *Session) Budget(now time.Time, m Budget) error {
	if err := s.usable(); err != nil {
		return err
	}
	if !s.can(CapabilityBudget) {
		return nil
	}
	if _, err := Parse(m.Append(nil)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s.control.drop(func(older Message) bool {
		o, ok := older.(Budget)
		return ok && o.Direction == m.Direction && o.Kind == m.Kind
	})
	s.control.push(m)
	return nil
}

func (s *Session) budgetArrived(m Budget) (fault string) {
	if !s.can(CapabilityBudget) {
		return fmt.Sprintf("it needs the capability %q", CapabilityBudget)
	}
	s.events.push(PeerBudget{m})
	return ""
}

// PeerBudget: the other side tells something of the location's budget.
type PeerBudget struct{ Budget Budget }

func (PeerBudget) event() {}

func (e PeerBudget) String() string { return "PeerBudget " + e.Budget.String() }
