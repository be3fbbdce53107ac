// Command rclone is the upstream program with only what the judge needs, so that it builds in seconds:
// the backends local and webdav, and the commands sync, check, bisync, and mount.
package main

import (
	"github.com/rclone/rclone/cmd"

	_ "github.com/rclone/rclone/backend/local"
	_ "github.com/rclone/rclone/backend/webdav"
	_ "github.com/rclone/rclone/cmd/bisync"
	_ "github.com/rclone/rclone/cmd/check"
	_ "github.com/rclone/rclone/cmd/mount"
	_ "github.com/rclone/rclone/cmd/sync"
)

func main() { cmd.Main() }
