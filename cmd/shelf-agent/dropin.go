package main

import (
	"fmt"
	"strings"
)

// hiddenBy is the folder that the unit hides from the service and that a path is in, and the line of a drop-in by which
// the service sees it; "" if there is none.
func hiddenBy(path string) (folder, line string) {
	for _, hidden := range [][2]string{
		{"/home/", "ProtectHome=read-only"}, {"/root/", "ProtectHome=read-only"}, {"/run/user/", "ProtectHome=read-only"},
		{"/tmp/", "PrivateTmp=no"}, {"/var/tmp/", "PrivateTmp=no"},
	} {
		if strings.HasPrefix(path+"/", hidden[0]) {
			return hidden[0], hidden[1]
		}
	}
	return "", ""
}

// dropIn is what a drop-in of the unit has to say so that the service may write into a folder. A folder that is not there
// yet, because its disk is not mounted, does not keep the service from starting: the agent says so, and waits for it.
func dropIn(folder string) string {
	lines := "  [Service]\n  ReadWritePaths=" + unitPath("-"+folder) + "\n"
	if _, line := hiddenBy(folder); line != "" {
		lines += "  " + line + "\n"
	}
	return lines
}

// unitPath writes a path as systemd reads it in a list.
func unitPath(path string) string {
	path = strings.ReplaceAll(path, "%", "%%")
	if strings.ContainsAny(path, " \t\"'\\") {
		return fmt.Sprintf("%q", path)
	}
	return path
}
