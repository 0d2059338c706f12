// SPDX-License-Identifier: Apache-2.0

//go:build linux && !portable

package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// Linux before 6.2 takes no more segments in one call (UDP_MAX_SEGMENTS).
	maxSegments = 64
	// A batch passes the kernel as one datagram, which must fit the 16-bit lengths of UDP over IPv6.
	maxBatch = 65535 - 40 - 8
	// readSize holds the largest datagram, joined or not.
	readSize = 1 << 16
)

// congestionExperienced is the value of both ECN bits, RFC 3168 section 5.
const congestionExperienced = 0x03

// system is what Linux adds to a Conn.
type system struct {
	joins   bool        // arriving datagrams may come joined (UDP_GRO)
	refused atomic.Bool // kernel or card refused to cut a batch that went through by single datagrams
	buffers [2]int      // bytes got for reading and writing

	data     []byte
	control  []byte
	messages []Message
}

func (c *Conn) prepare(config Config) error {
	c.data = make([]byte, readSize)
	c.control = make([]byte, 256)
	c.messages = make([]Message, 0, maxSegments)
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { c.setOptions(int(fd), config) })
}

// setOptions does what it can: no option is worth failing for, and which of the two families count depends on the socket.
func (c *Conn) setOptions(fd int, config Config) {
	set := func(level, option, value int) bool { return unix.SetsockoptInt(fd, level, option, value) == nil }
	class := int(config.TrafficClass)
	set(unix.IPPROTO_IP, unix.IP_TOS, class)
	set(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, class)
	set(unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	set(unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	// ip(7): PROBE sets the don't-fragment bit and ignores the path MTU that ICMP claims, which anybody may forge.
	set(unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	set(unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
	c.joins = set(unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	for i, o := range [2]struct{ force, ask int }{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if !set(unix.SOL_SOCKET, o.force, config.Buffer) { // needs CAP_NET_ADMIN
			set(unix.SOL_SOCKET, o.ask, config.Buffer)
		}
		// socket(7): "The kernel doubles this value", for its own bookkeeping.
		got, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, o.ask)
		c.buffers[i] = got / 2
	}
}

// Buffers is the size in bytes of the kernel's buffers for reading and writing; 0 where it is not known.
func (c *Conn) Buffers() (read, write int) { return c.buffers[0], c.buffers[1] }

// String says in one line what the socket can do.
func (c *Conn) String() string {
	return fmt.Sprintf("udp %s cuts=%t joins=%t buffers=%d/%d", c.local, !c.refused.Load(), c.joins, c.buffers[0], c.buffers[1])
}

// ReadBatch implements Socket.
func (c *Conn) ReadBatch() ([]Message, error) {
	for {
		n, controls, _, from, err := c.socket.ReadMsgUDPAddrPort(c.data, c.control)
		if err == nil {
			return c.split(c.data[:n], c.control[:controls], unmap(from)), nil
		}
		if !isPeerGone(err) {
			return nil, fmt.Errorf("read datagrams on %s: %w", c.local, err)
		}
	}
}

// split takes apart what the kernel joined.
func (c *Conn) split(data, control []byte, from netip.AddrPort) []Message {
	told := readControl(control)
	segment, at := told.segment, cameAt(time.Now(), told.stamp)
	if segment <= 0 || segment > len(data) {
		segment = len(data)
	}
	c.messages = c.messages[:0]
	for {
		n := min(segment, len(data))
		c.messages = append(c.messages, Message{Data: data[:n:n], From: from, CE: told.marked, At: at})
		if data = data[n:]; len(data) == 0 {
			return c.messages
		}
	}
}

// told is what the system says of what was read.
type told struct {
	segment int           // size of joined datagrams; 0: they are not
	marked  bool          // with a congestion mark; the system joins only datagrams with equal marks
	stamp   time.Duration // when the first of them came, since 1970 by the clock on the wall; 0: it does not say
}

func readControl(control []byte) (t told) {
	for len(control) >= unix.SizeofCmsghdr {
		head, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case head.Level == unix.IPPROTO_UDP && head.Type == unix.UDP_GRO && len(data) >= 4:
			t.segment = int(int32(binary.NativeEndian.Uint32(data)))
		case head.Level == unix.IPPROTO_IP && head.Type == unix.IP_TOS && len(data) >= 1:
			t.marked = data[0]&congestionExperienced == congestionExperienced
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_TCLASS && len(data) >= 4:
			t.marked = binary.NativeEndian.Uint32(data)&congestionExperienced == congestionExperienced
		case head.Level == unix.SOL_SOCKET && head.Type == unix.SCM_TIMESTAMPNS:
			t.stamp = readTimespec(data)
		}
		control = rest
	}
	return t
}

// readTimespec reads a struct timespec, whose two numbers are as wide as a pointer.
func readTimespec(b []byte) time.Duration {
	switch len(b) {
	case 16:
		return time.Duration(binary.NativeEndian.Uint64(b))*time.Second + time.Duration(binary.NativeEndian.Uint64(b[8:]))
	case 8:
		return time.Duration(int32(binary.NativeEndian.Uint32(b)))*time.Second + time.Duration(int32(binary.NativeEndian.Uint32(b[4:])))
	}
	return 0
}

// longestWait is how long a datagram can have waited to be read. Otherwise the clock on the wall was set meanwhile.
const longestWait = time.Second

// cameAt is when a datagram came that is read now, as a time that can be compared with others of this process.
func cameAt(now time.Time, stamp time.Duration) time.Time {
	waited := time.Duration(now.UnixNano()) - stamp
	if stamp == 0 || waited < 0 || waited > longestWait {
		return time.Time{}
	}
	return now.Add(-waited)
}

// WriteBatch implements Socket.
func (c *Conn) WriteBatch(to netip.AddrPort, data []byte, segment int) error {
	if err := checkSegment(segment); err != nil {
		return err
	}
	to = unmap(to)
	together := min(maxSegments, maxBatch/segment) * segment
	for len(data) > segment && together > segment && !c.refused.Load() {
		some := data[:min(together, len(data))]
		if err := c.writeCut(to, some, segment); err != nil {
			return err
		}
		data = data[len(some):]
	}
	return c.writeEach(to, data, segment)
}

// writeCut lets the kernel cut data, or does it itself if the kernel will not.
func (c *Conn) writeCut(to netip.AddrPort, data []byte, segment int) error {
	var control [24]byte // unix.CmsgSpace(2), on 32-bit systems less
	_, _, err := c.socket.WriteMsgUDPAddrPort(data, segmentControl(control[:], segment), to)
	switch {
	case err == nil:
		return nil
	case !isRefusal(err):
		return sendError(err, to, segment)
	}
	// The size may be at fault: then the single datagrams say so. If they get through, it was the cutting.
	if err := c.writeEach(to, data, segment); err != nil {
		return err
	}
	c.refused.Store(true)
	return nil
}

// segmentControl writes the control message that asks for segments of that many bytes, udp(7).
func segmentControl(b []byte, segment int) []byte {
	b = b[:unix.CmsgSpace(2)]
	// struct cmsghdr: cmsg_len is as wide as a pointer, then follow level and type.
	n := unix.SizeofCmsghdr - 8
	if n == 8 {
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(2)))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(unix.CmsgLen(2)))
	}
	binary.NativeEndian.PutUint32(b[n:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(b[n+4:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(segment))
	return b
}

// isRefusal: EINVAL from kernels without UDP_SEGMENT and for segments above the MTU, EMSGSIZE for the latter on newer
// ones, EIO from cards that cannot compute checksums.
func isRefusal(err error) bool {
	return slices.ContainsFunc([]error{unix.EINVAL, unix.EMSGSIZE, unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT},
		func(e error) bool { return errors.Is(err, e) })
}
