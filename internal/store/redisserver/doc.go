// Package redisserver runs one redis-server as a child of this process: it writes its configuration, waits until it answers, and
// sees to it that it does not outlive its parent and never shares its folder with another.
//
// It knows neither keys nor clients, and it does not start again what has died: internal/store does that for a node whose
// redis.url is "local", and redistest kills on purpose.
package redisserver
