package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The ports of Redis and of Sentinel where an address names none.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

const (
	// addressLimit bounds an address, in bytes: nobody types more.
	addressLimit = 4096
	// databaseLimit is the highest database that may be asked for; servers have 16 unless told otherwise.
	databaseLimit = 9999
)

// Kind is what there is at an address.
type Kind string

// The kinds of address.
const (
	Server   Kind = "redis"          // one server, by TCP or TLS
	Socket   Kind = "unix"           // one server of this machine, by a unix socket
	Sentinel Kind = "redis+sentinel" // the master that the Sentinels name
	Cluster  Kind = "redis+cluster"  // a Redis Cluster
)

// Address is a redis.url, read and checked. It is a plain value.
//
//	redis://user:password@host:6379/0         rediss:// for TLS
//	unix://user:password@/run/redis.sock?db=0
//	redis+sentinel://user:password@host1:26379,host2:26379/master/0
//	redis+cluster://user:password@host1,host2
//
// User and password are those of Redis, percent-encoded where they hold reserved characters, as is the path of a socket. Sentinels that want their own are told by
// ?sentinel_user= and ?sentinel_password=. With TLS (rediss, rediss+sentinel, rediss+cluster) ?ca= names a PEM file of the authorities
// that are trusted instead of the system's, ?cert= and ?key= those that this node shows.
type Address struct {
	Kind             Kind
	Hosts            []string // host:port, or the path of the socket
	Master           string   // with Sentinel: the name of the set
	Database         int      // always 0 with Cluster
	User             string
	Password         string
	SentinelUser     string
	SentinelPassword string
	TLS              bool
	Authorities      string // path of a PEM file; "": the system's
	Certificate, Key string // paths of PEM files; "": this node shows none
}

// ParseAddress reads a redis.url. Its errors never hold a password.
func ParseAddress(text string) (Address, error) {
	a, err := parseAddress(text)
	if err != nil {
		return Address{}, fmt.Errorf("redis.url: %w", err)
	}
	return a, nil
}

func parseAddress(text string) (Address, error) {
	if len(text) > addressLimit {
		return Address{}, fmt.Errorf("longer than %d bytes", addressLimit)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return Address{}, errors.New("an address begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
	}
	a, err := addressOf(scheme)
	if err != nil {
		return Address{}, err
	}
	rest, query, _ := strings.Cut(rest, "?")
	if strings.Contains(rest+query, "#") {
		return Address{}, errors.New("# is not allowed; in a password write %23")
	}
	// A slash in a password is likely a mistake of encoding, but what stands before the last @ is never a host.
	account, place := "", rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		account, place = rest[:at], rest[at+1:]
	}
	if err := a.readAccount(account); err != nil {
		return Address{}, err
	}
	if err := a.readPlace(place); err != nil {
		return Address{}, err
	}
	return a, a.readQuery(query)
}

// addressOf returns an address of the scheme's kind.
func addressOf(scheme string) (Address, error) {
	switch scheme {
	case "redis", "rediss":
		return Address{Kind: Server, TLS: scheme == "rediss"}, nil
	case "unix":
		return Address{Kind: Socket}, nil
	case "redis+sentinel", "rediss+sentinel":
		return Address{Kind: Sentinel, TLS: scheme == "rediss+sentinel"}, nil
	case "redis+cluster", "rediss+cluster":
		return Address{Kind: Cluster, TLS: scheme == "rediss+cluster"}, nil
	default: // not repeated: a password without a scheme could stand there
		return Address{}, errors.New("unknown scheme; allowed are redis, rediss, unix, redis+sentinel, rediss+sentinel, redis+cluster, rediss+cluster")
	}
}

// readAccount reads user:password.
func (a *Address) readAccount(text string) error {
	user, password, _ := strings.Cut(text, ":")
	var err error
	if a.User, err = unescape(user, "user"); err != nil {
		return err
	}
	a.Password, err = unescape(password, "password")
	return err
}

// unescape decodes what is percent-encoded; net/url's own error would show it.
func unescape(text, what string) (string, error) {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return "", fmt.Errorf("the %s is not percent-encoded well; write %%25 for a percent sign", what)
	}
	return plain, nil
}

// readPlace reads hosts and path.
func (a *Address) readPlace(text string) error {
	if a.Kind == Socket {
		path, err := unescape(text, "path")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
			return errors.New("a socket has an absolute path: unix:///run/redis.sock")
		}
		a.Hosts = []string{path}
		return nil
	}
	hosts, path, _ := strings.Cut(text, "/")
	port := redisPort
	if a.Kind == Sentinel {
		port = sentinelPort
	}
	for host := range strings.SplitSeq(hosts, ",") {
		host, err := withPort(host, port)
		if err != nil {
			return err
		}
		a.Hosts = append(a.Hosts, host)
	}
	if a.Kind == Server && len(a.Hosts) > 1 {
		return errors.New("several hosts; write redis+sentinel://…/master or redis+cluster://…")
	}
	return a.readPath(path)
}

// withPort checks a host and adds the port where there is none.
func withPort(text, port string) (string, error) {
	host := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		host, port = text[:i], text[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		if !ok || net.ParseIP(host) == nil {
			return "", errors.New("what stands in brackets is not an address of IPv6")
		}
	} else if host == "" || strings.ContainsFunc(host, notOfHost) {
		return "", errors.New("a host is missing or has characters that no host has; in a password write %40 for @, %2F for / and %3F for ?")
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", errors.New("a port is a number from 1 to 65535")
	}
	return net.JoinHostPort(host, port), nil
}

// notOfHost tells what no name of a host and no address of IPv4 holds.
func notOfHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// readPath reads what follows the hosts: a database, or the name of a Sentinel set and a database.
func (a *Address) readPath(text string) error {
	database := text
	if a.Kind == Sentinel {
		a.Master, database, _ = strings.Cut(text, "/")
		if a.Master == "" || strings.ContainsFunc(a.Master, notOfHost) {
			return errors.New("which set the Sentinels shall be asked for is missing: redis+sentinel://host1,host2/mymaster")
		}
	}
	return a.readDatabase(database)
}

func (a *Address) readDatabase(text string) error {
	if text == "" {
		return nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 0 || number > databaseLimit {
		return fmt.Errorf("a database is a number from 0 to %d", databaseLimit)
	}
	if a.Kind == Cluster && number != 0 {
		return errors.New("a cluster has database 0 alone")
	}
	a.Database = number
	return nil
}

// readQuery reads what follows the question mark.
func (a *Address) readQuery(text string) error {
	if text == "" {
		return nil
	}
	into := map[string]*string{"db": new(string)}
	if a.Kind == Sentinel {
		into["sentinel_user"], into["sentinel_password"] = &a.SentinelUser, &a.SentinelPassword
	}
	if a.TLS {
		into["ca"], into["cert"], into["key"] = &a.Authorities, &a.Certificate, &a.Key
	}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		field, known := into[name]
		if !known { // its name is not repeated: with a ? in a password it would be a part of that
			return errors.New("unknown parameter, or one twice; db, with rediss ca, cert and key, and with sentinel sentinel_user and sentinel_password are allowed")
		}
		delete(into, name)
		plain, err := unescape(value, name)
		if err != nil {
			return err
		}
		if plain == "" {
			return fmt.Errorf("%s is empty", name)
		}
		if *field = plain; name == "db" {
			if err := a.readDatabase(plain); err != nil {
				return err
			}
		}
	}
	if (a.Certificate == "") != (a.Key == "") {
		return errors.New("cert and key go together")
	}
	return nil
}

// String returns the address for logs and people, without user, password and parameters.
func (a Address) String() string {
	scheme := string(a.Kind)
	if a.TLS {
		scheme = strings.Replace(scheme, "redis", "rediss", 1)
	}
	place := strings.Join(a.Hosts, ",")
	if a.Kind == Socket {
		place = strings.ReplaceAll((&url.URL{Path: place}).EscapedPath(), "@", "%40") // an @ would end an account
	}
	text := scheme + "://" + place
	if a.Master != "" {
		text += "/" + a.Master
	}
	if a.Database == 0 {
		return text
	}
	if a.Kind == Socket {
		return text + "?db=" + strconv.Itoa(a.Database)
	}
	return text + "/" + strconv.Itoa(a.Database)
}

// GoString hides the passwords from %#v, too.
func (a Address) GoString() string { return a.String() }

// Options returns what a client of go-redis needs to know of the address, and no limits; it reads the files of certificates.
func (a Address) Options() (*redis.UniversalOptions, error) {
	o := &redis.UniversalOptions{
		Addrs: slices.Clone(a.Hosts), MasterName: a.Master, DB: a.Database, IsClusterMode: a.Kind == Cluster,
		Username: a.User, Password: a.Password, SentinelUsername: a.SentinelUser, SentinelPassword: a.SentinelPassword,
	}
	if !a.TLS {
		return o, nil
	}
	o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if a.Authorities != "" {
		content, err := os.ReadFile(a.Authorities)
		if err != nil {
			return nil, fmt.Errorf("redis.url: ca: %w", err)
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("redis.url: ca: %s holds no certificate in PEM", a.Authorities)
		}
	}
	if a.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(a.Certificate, a.Key)
		if err != nil {
			return nil, fmt.Errorf("redis.url: cert and key: %w", err)
		}
		o.TLSConfig.Certificates = []tls.Certificate{pair}
	}
	return o, nil
}

// clientOptions reads an address, and the certificates that it names.
func clientOptions(address string) (*redis.UniversalOptions, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	return a.Options()
}
