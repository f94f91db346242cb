package remote

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"
)

// DefaultKeyEnv is the environment variable that a key is read from.
const DefaultKeyEnv = "OPENAI_API_KEY"

// Options are the limits of one server. They decide when a call is given up,
// never what a reply says.
type Options struct {
	KeyEnv            string  `yaml:"key_env"`             // environment variable that holds the key; "" = send none
	TimeoutS          float64 `yaml:"timeout_s"`           // seconds of one attempt, its reply included
	Attempts          int     `yaml:"attempts"`            // of one call, the first one included
	GiveUpS           float64 `yaml:"give_up_s"`           // seconds of one call, waiting included; 0 = no limit
	Concurrency       int     `yaml:"concurrency"`         // requests in flight
	RequestsPerMinute float64 `yaml:"requests_per_minute"` // 0 = no limit
	TokensPerMinute   float64 `yaml:"tokens_per_minute"`   // by the estimate of each call; 0 = no limit
	MaxReplyMB        float64 `yaml:"max_reply_mb"`        // longer replies are refused, in 2^20 bytes
}

// DefaultOptions suit a local server as well as a public one: eight attempts
// bridge an outage of half a minute.
func DefaultOptions() Options {
	return Options{KeyEnv: DefaultKeyEnv, TimeoutS: 120, Attempts: 8, GiveUpS: 900, Concurrency: 8, MaxReplyMB: 64}
}

// envName is strict, so that a key put in the place of its name is noticed before
// it is written anywhere.
var envName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// Validate reports the first option that cannot be used, as "key: what must hold".
func (o Options) Validate() error {
	if o.KeyEnv != "" && !envName.MatchString(o.KeyEnv) {
		return errors.New("key_env: must be the name of an environment variable in capitals, not a key")
	}
	if o.Attempts < 1 {
		return fmt.Errorf("attempts: must be at least 1 (got %d)", o.Attempts)
	}
	if o.Concurrency < 1 || o.Concurrency > 1024 {
		return fmt.Errorf("concurrency: must be between 1 and 1024 (got %d)", o.Concurrency)
	}
	for _, c := range []struct {
		key      string
		v        float64
		positive bool
	}{
		{"timeout_s", o.TimeoutS, true}, {"give_up_s", o.GiveUpS, false}, {"max_reply_mb", o.MaxReplyMB, true},
		{"requests_per_minute", o.RequestsPerMinute, false}, {"tokens_per_minute", o.TokensPerMinute, false},
	} {
		switch finite := c.v >= 0 && !math.IsInf(c.v, 0); { // NaN fails too
		case c.positive && (!finite || c.v == 0):
			return fmt.Errorf("%s: must be a finite number above 0 (got %g)", c.key, c.v)
		case !finite:
			return fmt.Errorf("%s: must be a finite number of at least 0 (got %g)", c.key, c.v)
		}
	}
	return nil
}

// seconds is a duration given as a number of seconds, at most a year.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 365*24*3600) * float64(time.Second))
}
