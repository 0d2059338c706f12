// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ebbproject/ebb/agent/discovery"
)

// Lengths. A question is as long as the longest answer, so that nobody gets more out of a responder than was put in.
const (
	questionBytes = 480
	maxMessage    = 1500
	maxRecords    = 16 // of a message; what has more is not an answer of ours

	lifeUnicast   = 10  // seconds; "SHOULD NOT be greater than ten seconds" to one-shot queries (RFC 6762, section 6.7)
	lifeMulticast = 120 // seconds; of records with the name of a host (section 10)
	optionPadding = 12  // RFC 7830
)

// Service is the type of service of every host of every fleet.
const Service = "_ebb._udp.local."

var serviceName = dnsmessage.MustNewName(Service)

// errForeign is whatever is not a message of ours.
var errForeign = errors.New("not a message of a host of this fleet")

// announcement is what an answer says.
type announcement struct {
	name string // random, a DNS label
	tag  string // see discovery.Tag
	port uint16 // UDP, of the data plane
	tls  uint16 // TCP; 0: none
}

// question is the one-shot query.
func question(id uint16) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: serviceName, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if err := b.StartAdditionals(); err != nil {
		return nil, err
	}
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(maxMessage, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	bare := 12 + len(Service) + 1 + 4 + 11 + 4 // header, question, OPT, option
	padding := dnsmessage.Option{Code: optionPadding, Data: make([]byte, questionBytes-bare)}
	if err := b.OPTResource(h, dnsmessage.OPTResource{Options: []dnsmessage.Option{padding}}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// asks reads a question; false: it is none for us.
func asks(message []byte) (id uint16, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || h.Response || h.OpCode != 0 {
		return 0, false
	}
	for range maxRecords {
		q, err := p.Question()
		if err != nil {
			return 0, false
		}
		class := q.Class &^ (1 << 15) // the top bit asks for an answer to the asker alone (RFC 6762, section 5.4)
		if (q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL) && class == dnsmessage.ClassINET && strings.EqualFold(q.Name.String(), Service) {
			return h.ID, true
		}
	}
	return 0, false
}

// answer is the reply to a question. Without an id it goes to everybody.
func (a announcement) answer(id uint16, at netip.Addr, alone bool) ([]byte, error) {
	instance, err := dnsmessage.NewName(a.name + "." + Service)
	if err != nil {
		return nil, fmt.Errorf("the name %q: %w", a.name, err)
	}
	host, err := dnsmessage.NewName(a.name + ".local.")
	if err != nil {
		return nil, fmt.Errorf("the name %q: %w", a.name, err)
	}
	life := uint32(lifeMulticast)
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	if alone { // "The reply MUST repeat the query ID and the question given in the query message" (RFC 6762, section 6.7)
		life, m.ID = lifeUnicast, id
		m.Questions = []dnsmessage.Question{{Name: serviceName, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}}
	}
	header := func(n dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET, TTL: life}
	}
	m.Answers = []dnsmessage.Resource{{Header: header(serviceName), Body: &dnsmessage.PTRResource{PTR: instance}}}
	m.Additionals = []dnsmessage.Resource{
		{Header: header(instance), Body: &dnsmessage.SRVResource{Port: a.port, Target: host}},
		{Header: header(instance), Body: &dnsmessage.TXTResource{TXT: a.text()}},
		{Header: header(host), Body: address(at)},
	}
	return m.Pack()
}

func address(at netip.Addr) dnsmessage.ResourceBody {
	if at.Is4() {
		return &dnsmessage.AResource{A: at.As4()}
	}
	return &dnsmessage.AAAAResource{AAAA: at.As16()}
}

func (a announcement) text() []string {
	text := []string{"v=1", "f=" + a.tag}
	if a.tls != 0 {
		text = append(text, "t="+strconv.Itoa(int(a.tls)))
	}
	return text
}

// parse reads an answer to the question with this id. Everything in it is from a stranger. Its error wraps errForeign.
func parse(message []byte, id uint16) (a announcement, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response || h.ID != id || h.RCode != dnsmessage.RCodeSuccess {
		return a, errForeign
	}
	if err := p.SkipAllQuestions(); err != nil {
		return a, fmt.Errorf("%w: %w", errForeign, err)
	}
	var instance string
	var port, text bool
	for left := maxRecords; ; left-- {
		h, err := next(&p)
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil || left == 0 {
			return a, errForeign
		}
		switch name := h.Name.String(); {
		case h.Type == dnsmessage.TypePTR && name == Service && instance == "":
			r, err := p.PTRResource()
			if err != nil {
				return a, errForeign
			}
			instance = r.PTR.String()
		case h.Type == dnsmessage.TypeSRV && name == instance && !port:
			r, err := p.SRVResource()
			if err != nil {
				return a, errForeign
			}
			a.port, port = r.Port, true
		case h.Type == dnsmessage.TypeTXT && name == instance && !text:
			r, err := p.TXTResource()
			if err != nil || !a.read(r.TXT) {
				return a, errForeign
			}
			text = true
		default:
			if err := skip(&p); err != nil {
				return a, errForeign
			}
		}
	}
	a.name, _ = strings.CutSuffix(instance, "."+Service)
	if !port || !text || a.port == 0 || a.name == instance {
		return a, errForeign
	}
	return a, nil
}

// next is the header of the next record, whatever its section.
func next(p *dnsmessage.Parser) (dnsmessage.ResourceHeader, error) {
	h, err := p.AnswerHeader()
	if !errors.Is(err, dnsmessage.ErrSectionDone) && !errors.Is(err, dnsmessage.ErrNotStarted) {
		return h, err
	}
	if err := p.SkipAllAuthorities(); err != nil && !errors.Is(err, dnsmessage.ErrSectionDone) && !errors.Is(err, dnsmessage.ErrNotStarted) {
		return h, err
	}
	return p.AdditionalHeader()
}

// skip leaves the record out whose header was read.
func skip(p *dnsmessage.Parser) error {
	err := p.SkipAnswer()
	if err == nil {
		return nil
	}
	return p.SkipAdditional()
}

// read takes over what the text says (RFC 6763, section 6).
func (a *announcement) read(text []string) bool {
	version := ""
	for _, t := range text {
		key, value, _ := strings.Cut(t, "=")
		switch key {
		case "v":
			version = value
		case "f":
			a.tag = value
		case "t":
			n, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return false
			}
			a.tls = uint16(n)
		}
	}
	return version == "1"
}

// hint is what of an answer counts, if it is of the fleet.
func (a announcement) hint(key []byte, from netip.Addr) (discovery.Hint, bool) {
	if !discovery.OfFleet(key, a.name, a.tag) {
		return discovery.Hint{}, false
	}
	return discovery.Hint{Addr: netip.AddrPortFrom(from, a.port), TLS: a.tls}, true
}
