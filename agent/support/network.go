package support

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// network is how this machine reaches others; nobody is spoken to for it.
func network(ctx context.Context) Part {
	p := Part{Name: "network.txt", About: "This machine's interfaces, routes, DNS servers and own names; nobody was spoken to for it."}
	var out strings.Builder
	interfaces, err := net.Interfaces()
	if err != nil {
		p.Missing = "interfaces: " + err.Error()
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		fmt.Fprintf(&out, "%s: %s, MTU %d, %v", i.Name, i.Flags, i.MTU, addrs)
		if err != nil {
			fmt.Fprintf(&out, ", %v", err)
		}
		fmt.Fprintln(&out)
	}
	for _, args := range [][]string{{"route", "show"}, {"-6", "route", "show"}} {
		text, err := run(ctx, "ip", args...)
		fmt.Fprintf(&out, "\nip %s:\n%s", strings.Join(args, " "), text)
		if err != nil {
			fmt.Fprintf(&out, "(%v)\n", err)
		}
	}
	for _, file := range []string{"/etc/resolv.conf", "/etc/hosts", "/proc/net/route"} {
		if text, err := readSome(file, 16<<10); err == nil {
			fmt.Fprintf(&out, "\n%s:\n%s\n", file, strings.TrimSpace(string(text)))
		}
	}
	p.Text = []byte(out.String())
	return p
}
