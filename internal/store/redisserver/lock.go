package redisserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockFile lies in the folder and is locked for as long as a redis-server writes there.
const lockFile = "redis-server.lock"

// lockInterval is how often a lock that another holds is tried again: its holder is at its end, or not of this house.
const lockInterval = 50 * time.Millisecond

// lock takes the folder. The file that it returns is handed to the child, which holds the lock by it (flock(2): the lock belongs to
// the open file, whoever has it), so that a parent which died leaves no folder to a second server before the first is gone.
func lock(ctx context.Context, folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	again := time.NewTicker(lockInterval)
	defer again.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is in use by another redis-server", folder), file.Close())
		}
	}
}
