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

// pack returns an engine of the same records in a file without free pages, or e where none can be made, as on a full disk.
// Errors: those of openBolt; that the new name is not durable. Then e is closed.
func (e *boltEngine) pack(file string, o Options) (*boltEngine, error) {
	packed := file + ".packed"
	if err := errors.Join(guard(func() error { return e.copyTo(packed) }), likeFile(packed, file)); err != nil {
		os.Remove(packed)
		o.Log.Warn("the file of locks and properties stays larger than what it holds", "file", file, "err", err)
		return e, nil
	}
	err := errors.Join(e.Close(), os.Rename(packed, file), syncDir(filepath.Dir(file)))
	if err != nil {
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
