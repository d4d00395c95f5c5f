package desk

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"
)

// peerKey is the context's key of the user at the other end.
type peerKey struct{}

// overflowUID is whom Linux names where a user has no number: in a user namespace, as the service has it, all but root and
// the agent's own. It may be anybody.
const overflowUID = 65534

// ConnContext is an http.Server's: it notes who is at the other end of a Unix socket, where the system says so.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerUID(c)
	if err != nil || uid == overflowUID {
		return ctx // what cannot be proven is recorded as such
	}
	return context.WithValue(ctx, peerKey{}, Person(uid))
}

// peerOf is the proven user of a request, or "".
func peerOf(ctx context.Context) string {
	person, _ := ctx.Value(peerKey{}).(string)
	return person
}

// Person is a user as the log names one: "alice (uid 1000)".
func Person(uid int) string {
	name := "user"
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s (uid %d)", name, uid)
}
