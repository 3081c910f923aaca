// Package store is the connection to Redis: how it is reached, what lies under which key, and what is true of time there.
//
// It holds the one place for key shapes, the schema version, the scripts' runner, the event stream with its seq and incarnation,
// blobs, and store time. routing/redisq keeps the queues on it; the board of incidents lies here, too.
//
// It is not for rules: a script checks and sets, it never decides who is offered to whom.
package store
