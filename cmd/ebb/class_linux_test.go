// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/transfer/udp"
)

// What agent and hub send is DSCP LE (RFC 8622) and ECT(0): TOS 0x06 where it arrives.
func TestDaemonsSendLowEffortAndECNCapable(t *testing.T) {
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	agent, err := plane{listen: loopback}.open()
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	control, hub, err := listenBoth(loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	defer hub.Close()
	for name, from := range map[string]udp.Socket{"agent": agent, "hub": hub} {
		if got := classFrom(t, from); got != 0x06 {
			t.Errorf("the %s sends with TOS %#02x, want 0x06", name, got)
		}
	}
}

// classFrom is the TOS byte of a datagram as another program receives it.
func classFrom(t *testing.T, from udp.Socket) int {
	t.Helper()
	to, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	raw, err := to.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1) }); err != nil {
		t.Fatal(err)
	}
	if err := from.WriteBatch(to.LocalAddr().(*net.UDPAddr).AddrPort(), []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	control := make([]byte, 128)
	_, n, _, _, err := to.ReadMsgUDPAddrPort(make([]byte, 100), control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 || messages[0].Header.Type != unix.IP_TOS {
		t.Fatalf("%v, %v", messages, err)
	}
	return int(messages[0].Data[0])
}
