package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// silent drops what go-redis would print to standard error by itself: each attempt on a Redis that is away, with its address. Every error is
// returned to whoever asked, who says it once.
type silent struct{}

// Printf drops a line.
func (silent) Printf(context.Context, string, ...any) {}

// The logger of go-redis is the process's, set before any connection is made.
func init() { redis.SetLogger(silent{}) }
