package main

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"syscall"
	"time"

	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// openState opens what is remembered beside the files of base, which are in dir: the store, and the locks
// in it. It ends what a crash interrupted between the tree and the store.
// Errors: *usageError for a bad state directory; state.ErrInUse when another server has it.
func openState(base fs.FS, dir string, s *settings, log *slog.Logger, getenv func(string) string) (*state.Store, *lock.Table, error) {
	store, err := openStore(dir, s, log, getenv)
	if err != nil {
		return nil, nil, err
	}
	unmapped := func(root string) bool {
		_, err := base.Lookup(root)
		return errors.Is(err, iofs.ErrNotExist)
	}
	tree := state.TreeOf(base)
	root, _ := tree.Node("/") // Recover logs what it fails with
	locks, err := lock.New(store, time.Now(), lock.Options{Unmapped: unmapped, Tree: root.Ino, Log: log})
	if err == nil {
		_, err = store.Recover(tree, locks)
	}
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return store, locks, nil
}

func openStore(dir string, s *settings, log *slog.Logger, getenv func(string) string) (*state.Store, error) {
	o := state.Options{Relaxed: relaxed(s), Log: log}
	if s.memory {
		return state.NewMemory(o), nil
	}
	place, err := stateDir(dir, s.state, getenv)
	if err != nil {
		return nil, err
	}
	store, err := state.Open(place, o)
	return store, unusable(place, err)
}

// unusable words err, when it says that nothing can be kept in place.
func unusable(place string, err error) error {
	switch {
	case errors.Is(err, iofs.ErrPermission):
		if file, ok := errors.AsType[*iofs.PathError](err); ok { // such as one that root restored
			place = file.Path
		}
		return fmt.Errorf("no permission to keep state in %s; give it to the user of the server, or name another directory with --state", place)
	case errors.Is(err, syscall.ENOTDIR):
		return usagef("%s, where state is to be kept, is not a directory; name another one with --state", place)
	}
	return err
}
