package cache

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisPrefix begins the name of every entry in a Redis server; the number is
// that of the format.
const redisPrefix = "pgsrm:1:"

// PasswordVariable names the environment variable with the password of the Redis
// server, for those who leave it out of the URL.
const PasswordVariable = "PGSRM_REDIS_PASSWORD"

const (
	redisTimeout = 2 * time.Second // of a connection, of a reply
	redisChunk   = 256             // entries of one command
)

// server is the store in a Redis server. What is evicted there is decided by its
// maxmemory-policy.
type server struct {
	client *redis.Client
	shown  string   // the URL without what can be secret
	hidden []string // what no error may show
}

// isServer tells the URL of a server from the path of a file.
func isServer(location string) bool {
	return strings.HasPrefix(location, "redis://") || strings.HasPrefix(location, "rediss://")
}

// newServer is the store behind a URL, redis://[user:password@]host[:port][/db].
// No error tells the URL, which may hold a password.
func newServer(location string) (*server, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("cache: URL of Redis must be redis://[USER:PASSWORD@]HOST[:PORT][/DB] (not shown, it may hold a password)")
	}
	o, err := redis.ParseURL(location)
	if err != nil {
		return nil, fmt.Errorf("cache: %s: must be redis://[USER:PASSWORD@]HOST[:PORT][/DB]", showServer(u, u.Path))
	}
	if p := os.Getenv(PasswordVariable); p != "" && o.Password == "" {
		o.Password = p
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = redisTimeout, redisTimeout, redisTimeout, redisTimeout
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	o.MaxRetries, o.DialerRetries = -1, 1 // none, one attempt: Cache waits and comes back
	logging.Disable()                     // the client would write to stderr by itself; what matters comes back as an error
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	path := u.Path // a number, or it would have been refused
	if path == "" && o.DB != 0 {
		path = fmt.Sprintf("/%d", o.DB) // of the query
	}
	return &server{redis.NewClient(o), showServer(u, path), secretsOf(u, o)}, nil
}

// showServer is the part of a URL that can be shown: scheme, host and number of the
// database. User, query and fragment can hold secrets.
func showServer(u *url.URL, path string) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}).String()
}

func redisName(key Key) string { return redisPrefix + key.String() }

// get implements store.
func (s *server) get(ctx context.Context, keys []Key, see func(i int, entry []byte)) error {
	for lo := 0; lo < len(keys); lo += redisChunk {
		names := make([]string, min(redisChunk, len(keys)-lo))
		for i := range names {
			names[i] = redisName(keys[lo+i])
		}
		values, err := s.client.MGet(ctx, names...).Result()
		if err != nil {
			return s.failed(err)
		}
		for i, v := range values {
			if text, ok := v.(string); ok {
				see(lo+i, []byte(text))
			}
		}
	}
	return nil
}

// put implements store.
func (s *server) put(ctx context.Context, entries []*Entry, _ []Key) error {
	for lo := 0; lo < len(entries); lo += redisChunk {
		p := s.client.Pipeline()
		for _, e := range entries[lo:min(lo+redisChunk, len(entries))] {
			p.Set(ctx, redisName(e.Key), e.encode(), 0)
		}
		if _, err := p.Exec(ctx); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// drop implements store.
func (s *server) drop(ctx context.Context, keys []Key) error {
	for lo := 0; lo < len(keys); lo += redisChunk {
		names := make([]string, min(redisChunk, len(keys)-lo))
		for i := range names {
			names[i] = redisName(keys[lo+i])
		}
		if err := s.client.Del(ctx, names...).Err(); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// each implements store. The server may name a key twice; it is visited once.
func (s *server) each(ctx context.Context, visit func(key Key, entry []byte) error) error {
	seen := map[Key]bool{}
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		names, next, err := s.client.Scan(ctx, cursor, redisPrefix+"*", redisChunk).Result()
		if err != nil {
			return s.failed(err)
		}
		var keys []Key
		for _, name := range names {
			if key, err := parseKey(strings.TrimPrefix(name, redisPrefix)); err == nil && !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
		var failed error
		err = s.get(ctx, keys, func(i int, entry []byte) {
			if failed == nil {
				failed = visit(keys[i], entry)
			}
		})
		if err := errors.Join(failed, err); err != nil {
			return err
		}
		cursor = next
	}
	return nil
}

// secretsOf are the texts of a location that no error may show, should the server
// repeat them.
func secretsOf(u *url.URL, o *redis.Options) []string {
	all := []string{o.Password, u.RawQuery}
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	return slices.DeleteFunc(all, func(text string) bool { return len(text) < 4 }) // a number is no secret
}

// failed names the server in an error.
func (s *server) failed(err error) error {
	text := err.Error()
	for _, secret := range s.hidden {
		if strings.Contains(text, secret) {
			return fmt.Errorf("%s: refused (the reply repeats the password)", s.shown)
		}
	}
	return fmt.Errorf("%s: %w", s.shown, err)
}

// name implements store.
func (s *server) name() string { return s.shown }

// end implements store.
func (s *server) end() error { return s.client.Close() }
