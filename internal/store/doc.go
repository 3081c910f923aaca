// Package store is the connection to Redis: how it is reached, what lies under which key, and what is true of time there.
//
// It holds the one place for key shapes, the schema version, the scripts' runner, the event stream with its seq and incarnation,
// blobs, and store time. routing/redisq keeps the queues on it. What else nodes share lies here: the board of incidents and whom they
// reached, which nodes there are, what each tells about its calls, bulletins, secrets.
//
// It is not for rules: a script checks and sets, it never decides who is offered to whom.
package store
