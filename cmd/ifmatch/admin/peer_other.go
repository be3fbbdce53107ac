//go:build !linux

package admin

import "net"

// peerOf leaves it to the modes of the socket and its directory.
func peerOf(net.Conn) peer { return peer{name: "somebody who may open the socket", may: true} }
