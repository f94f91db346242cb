package remote

import (
	"regexp"
	"time"

	"pgsrm/config"
)

// DefaultKeyEnv is the environment variable that a key is read from.
const DefaultKeyEnv = "OPENAI_API_KEY"

// Options are the limits of one server. They decide when a call is given up,
// never what a reply says.
type Options struct {
	KeyEnv            string  `yaml:"key_env"`                                      // environment variable that holds the key; "" = send none
	TimeoutS          float64 `yaml:"timeout_s" range:"[0.001, 31536000]"`          // seconds of one attempt, its reply included
	Attempts          int     `yaml:"attempts" range:"[1, 1000]"`                   // of one call, the first one included
	GiveUpS           float64 `yaml:"give_up_s" range:"[0, 31536000]"`              // seconds of one call, waiting included; 0 = no limit
	Concurrency       int     `yaml:"concurrency" range:"[1, 1024]"`                // requests in flight
	RequestsPerMinute float64 `yaml:"requests_per_minute" range:"[0, 1000000000]"`  // 0 = no limit
	TokensPerMinute   float64 `yaml:"tokens_per_minute" range:"[0, 1000000000000]"` // by the estimate of each call; 0 = no limit
	MaxReplyMB        float64 `yaml:"max_reply_mb" range:"[0.001, 65536]"`          // longer replies are refused, in 2^20 bytes
}

// DefaultOptions suit a local server as well as a public one: eight attempts
// bridge an outage of half a minute.
func DefaultOptions() Options {
	return Options{KeyEnv: DefaultKeyEnv, TimeoutS: 120, Attempts: 8, GiveUpS: 900, Concurrency: 8, MaxReplyMB: 64}
}

// envName is strict, so that a key put in the place of its name is noticed before
// it is written anywhere.
var envName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// Validate reports the first option that cannot be used.
func (o Options) Validate() error { return config.Check(o) }

// Rules demands the name of a key in the place of the key. What stands there is
// not shown.
func (o Options) Rules() error {
	if o.KeyEnv == "" || envName.MatchString(o.KeyEnv) {
		return nil
	}
	return &config.Error{Key: "key_env", Must: "must be the name of an environment variable in capitals, not a key"}
}

// seconds is a duration given as a number of seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
