package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// world is a network of the test's own in which every address is this machine: whoever is spoken to answers if a
// listener is there, and is seen if there is none. Its names are what the test says, and the standard port is free, so
// that the agent runs with the configuration of a shop: nothing for development.
type world struct {
	t     *testing.T
	names *names
	seen  *traffic
}

// envWorld tells a process that it is in a world.
const envWorld = "SHELFAGENT_E2E_WORLD"

// enterWorld runs the calling test once more, in a world, and returns nil to the first and a world to the second.
func enterWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv(envWorld) == "" {
		again(t)
		return nil
	}
	for _, step := range []func() error{openLoopback, everyAddressIsOurs} {
		if err := step(); err != nil {
			t.Fatalf("a world cannot be made: %v", err)
		}
	}
	w := &world{t: t, names: newNames(t), seen: watchTraffic(t)}
	useResolver(t)
	return w
}

func again(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), envWorld+"=1", envPrograms+"="+programs)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // whose end would be the child's
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true" {
		t.Skipf("NOT TESTED: this machine allows no network namespace: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	t.Logf("in a world of its own:\n%s", out.String())
	if err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()+" ") {
		t.Errorf("it failed there: %v", err)
	}
}

func openLoopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(s) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(lo))); errno != 0 {
		return errno
	}
	return nil
}

// everyAddressIsOurs is `ip route add local 0.0.0.0/0 dev lo`, and the same for IPv6.
func everyAddressIsOurs() error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(s) }()
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var message bytes.Buffer
		for _, part := range []any{
			unix.NlMsghdr{
				Len: unix.SizeofNlMsghdr + unix.SizeofRtMsg + unix.SizeofRtAttr + 4, Type: unix.RTM_NEWROUTE,
				Flags: unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_ACK, Seq: 1,
			},
			unix.RtMsg{
				Family: family, Table: unix.RT_TABLE_LOCAL, Protocol: unix.RTPROT_BOOT, Scope: unix.RT_SCOPE_HOST, Type: unix.RTN_LOCAL,
			},
			unix.RtAttr{Len: unix.SizeofRtAttr + 4, Type: unix.RTA_OIF}, uint32(1), // lo is the first there
		} {
			if err := binary.Write(&message, binary.NativeEndian, part); err != nil {
				return err
			}
		}
		if err := unix.Sendto(s, message.Bytes(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		answer := make([]byte, 512)
		n, _, err := unix.Recvfrom(s, answer, 0)
		if err != nil || n < unix.SizeofNlMsghdr+4 {
			return errors.Join(errors.New("no answer of the kernel"), err)
		}
		if errno := -int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); errno != 0 {
			return syscall.Errno(errno)
		}
	}
	return nil
}

// useResolver puts a resolv.conf over the machine's, for this mount namespace alone.
func useResolver(t *testing.T) {
	t.Helper()
	file := t.TempDir() + "/resolv.conf"
	if err := os.WriteFile(file, []byte("nameserver "+resolverAddr.Addr().String()+"\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
}

// traffic is whom anybody in the world wanted to speak to: where the first packets of TCP and all of UDP went.
type traffic struct {
	mu sync.Mutex
	to map[netip.AddrPort]int // guarded by mu
}

func watchTraffic(t *testing.T) *traffic {
	t.Helper()
	const everything = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, everything)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20); err != nil {
		t.Fatal(err)
	}
	file, tr, ended := os.NewFile(uintptr(s), "packets"), &traffic{to: map[netip.AddrPort]int{}}, make(chan struct{})
	go func() {
		defer close(ended)
		packet := make([]byte, 256)
		for {
			n, err := file.Read(packet)
			if err != nil {
				return
			}
			if to, ok := destination(packet[:n]); ok {
				tr.mu.Lock()
				tr.to[to]++
				tr.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		if stats, err := unix.GetsockoptTpacketStats(s, unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || stats.Drops > 0 {
			t.Errorf("packets went by unseen: %+v, %v", stats, err)
		}
		_ = file.Close()
		<-ended
	})
	return tr
}

// destination reads an IP packet's, if it opens a TCP connection or is UDP.
func destination(packet []byte) (netip.AddrPort, bool) {
	var to netip.Addr
	var protocol byte
	var payload []byte
	switch {
	case len(packet) > 40 && packet[0]>>4 == 4:
		header := int(packet[0]&15) * 4
		to, _ = netip.AddrFromSlice(packet[16:20])
		protocol, payload = packet[9], packet[header:]
	case len(packet) > 48 && packet[0]>>4 == 6:
		to, _ = netip.AddrFromSlice(packet[24:40])
		protocol, payload = packet[6], packet[40:]
	}
	const syn, ack = 2, 16
	opens := protocol == unix.IPPROTO_TCP && len(payload) > 13 && payload[13]&(syn|ack) == syn
	if !opens && (protocol != unix.IPPROTO_UDP || len(payload) < 8) {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(to, binary.BigEndian.Uint16(payload[2:])), true
}

// only fails the test when anybody was spoken to but those. The test's own servers and clients meet at 127.0.0.1, at
// ports that no story names.
func (tr *traffic) only(t *testing.T, allowed ...netip.AddrPort) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, a := range allowed {
		if tr.to[a] == 0 {
			t.Errorf("nobody was seen to speak to %s: the watch shows nothing", a)
		}
		delete(tr.to, a)
	}
	for to, n := range tr.to {
		if to.Addr() != netip.MustParseAddr("127.0.0.1") || to.Port() < 1024 {
			t.Errorf("%d packets went to %s", n, to)
		}
	}
}

// stranger is a listener that nobody should meet.
type stranger struct {
	net.Listener
	mu  sync.Mutex
	met []string // guarded by mu
}

func newStranger(t *testing.T, at string) *stranger {
	t.Helper()
	// An IPv6 address that is no interface's own takes leave.
	freely := net.ListenConfig{Control: func(network, _ string, conn syscall.RawConn) error {
		if network != "tcp6" {
			return nil
		}
		var err error
		return errors.Join(conn.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1) }), err)
	}}
	l, err := freely.Listen(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			first := make([]byte, 512)
			n, _ := conn.Read(first)
			s.mu.Lock()
			s.met = append(s.met, string(first[:n]))
			s.mu.Unlock()
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, bytes := range s.met {
			t.Errorf("%s was met, with %d bytes: %.40q", at, len(bytes), bytes)
		}
	})
	return s
}
