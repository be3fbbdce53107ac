package admin

import (
	"os"
	"os/user"
	"strconv"
)

// peer is who is at the other end of a connection.
type peer struct {
	name string // for the log
	may  bool
}

// peerWith judges a user by number.
func peerWith(uid int) peer {
	p := peer{name: strconv.Itoa(uid), may: uid == 0 || uid == os.Geteuid()}
	if u, err := user.LookupId(p.name); err == nil {
		p.name = u.Username
	}
	return p
}
