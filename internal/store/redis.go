package store

import _ "github.com/redis/go-redis/v9" // the client; used from the next commit on
