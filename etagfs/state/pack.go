package state

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A file of bbolt keeps what it once needed, and the list of its free pages goes into each transaction: where 240 MB of
// properties are gone, each LOCK writes half a megabyte more. So a start makes such a file anew.

// hollowBytes are so many free ones that their list costs more than one change without it.
const hollowBytes = 16 << 20

// packAtOnce bounds the memory of a transaction of pack.
const packAtOnce = 16 << 20

// pack gives e back with the same records in a file without free pages, or in the old one where none can be made, as on a full disk,
// or take its place. Errors: those of openBolt; that the new name is not durable. Then e is closed.
func (e *boltEngine) pack(file string, o Options) (*boltEngine, error) {
	packed := file + ".packed"
	err := errors.Join(guard(func() error { return e.copyTo(packed) }), likeFile(packed, file))
	if err := e.Close(); err != nil { // Windows replaces no file that is open
		return nil, err
	}
	if err == nil {
		err = os.Rename(packed, file)
	}
	if err != nil {
		os.Remove(packed)
		o.Log.Warn("the file of locks and properties stays larger than what it holds", "file", file, "err", err)
	} else if err := syncDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	return openBolt(file, o.Relaxed)
}

// copyTo makes a durable file of all records.
func (e *boltEngine) copyTo(file string) error {
	os.Remove(file) // of a crash
	to, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: 100 * time.Millisecond, NoSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return err
	}
	return errors.Join(bolt.Compact(to, e.db, packAtOnce), to.Sync(), to.Close())
}
