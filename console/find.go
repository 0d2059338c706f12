// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ebbproject/ebb/fleet/board"
)

// mostFound bounds the hosts that one search lists.
const mostFound = 50

// foundHosts is what a search for hosts by their names, or how these begin, has found.
type foundHosts struct {
	Peers []board.Found `json:"peers"`
	Total int           `json:"total"`
}

// find reads what is looked for.
func (c *call) find() (text string, f foundHosts, err error) {
	text = strings.ToLower(strings.TrimSpace(c.r.URL.Query().Get("q")))
	if len(text) > 16 || strings.Trim(text, "0123456789abcdef") != "" {
		return text, f, badRequest("%q is not how the name of a host begins: up to 16 hexadecimal digits, as ebb peer ls shows them", text)
	}
	f.Peers, f.Total = c.s.o.Fleet.FindPeers(text, mostFound)
	return text, f, nil
}

func getPeers(c *call) error {
	_, f, err := c.find()
	if err != nil {
		return err
	}
	return c.answer(f)
}

// foundPage lists hosts.
type foundPage struct {
	nothingAsked
	foundHosts
	Text string
}

// showPeers lists what was found; a single one is shown at once.
func showPeers(c *call) error {
	text, f, err := c.find()
	if err != nil {
		return err
	}
	if f.Total == 1 && text != "" {
		http.Redirect(c.w, c.r, "/peers/"+url.PathEscape(f.Peers[0].Peer), http.StatusSeeOther)
		return nil
	}
	return c.show("peers", "Hosts", "locations", foundPage{foundHosts: f, Text: text})
}
