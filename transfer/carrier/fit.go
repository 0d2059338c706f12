// SPDX-License-Identifier: Apache-2.0

package carrier

import "github.com/ebbproject/ebb/ledbat"

// greeter steers greetings, and what is left to say when a Conn has ended: too little to tell a group of.
func greeter() ledbat.Controller { return fresh("rfc6817", wanDatagram) }

// fit chooses a controller for the datagrams as they are now: their size is known only after the greetings, and changes when the path becomes
// narrow and each packet goes in parts. Under mu.
func (c *Conn) fit() {
	if c.limit == c.shim.Limit() {
		return
	}
	c.limit = c.shim.Limit()
	packet := sctpHeaders + c.payload
	parts, part := c.shim.Parts(packet)
	c.full = parts * part
	if c.member == nil || part > GroupDatagram {
		c.leave()
		controller := c.endpoint.cfg.Controller(c.peer, part)
		c.member, _ = controller.(*Member)
		c.shim.Use(controller)
	}
	if c.member != nil {
		c.member.serve(c.full, func() {
			c.granted.Store(true)
			pulse(c.wake)
		})
	}
}

// leave leaves the group. Under mu.
func (c *Conn) leave() {
	if c.member == nil {
		return
	}
	c.shim.Use(greeter())
	c.member.leave()
	c.member = nil
}
