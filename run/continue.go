package run

import (
	"fmt"

	"pgsrm/config"
)

// continues demands the configuration of the run that began in a directory, but for its
// length where that may change, and takes over what that run decided.
func (c *Config) continues(began Config, dir string) error {
	if err := c.adopt(began); err != nil {
		return err
	}
	if c.Extend {
		if err := c.extends(began, dir); err != nil {
			return err
		}
		began.Episodes = c.Episodes
	}
	return sameConfig(began, *c, dir)
}

// sameConfig demands that a run is resumed under the configuration that it began
// with. Threads, Recompute, Out, Look, Arm, the options of other algorithms, the limits of
// a server and its prices may differ: the result does not depend on them.
func sameConfig(began, now Config, dir string) error {
	now.Look, now.Arm = began.Look, began.Arm
	began.Options, now.Options = began.Options.Only(began.Algorithm), now.Options.Only(now.Algorithm)
	if now.Reward.Formula == began.Reward.Formula {
		now.Reward.Name = began.Reward.Name // pgsrm of an older version is another formula, and has another name now
	}
	now.Threads, now.Recompute, now.Out = began.Threads, began.Recompute, began.Out
	now.Chat.Server, now.Chat.PriceInput, now.Chat.PriceOutput = began.Chat.Server, began.Chat.PriceInput, began.Chat.PriceOutput
	e, was := &now.Embedding, began.Embedding
	e.Server, e.BatchItems, e.BatchTokens = was.Server, was.BatchItems, was.BatchTokens
	c, like := &now.CustomReward, began.CustomReward
	c.TimeoutS, c.Retries, c.KeyEnv, c.Concurrency = like.TimeoutS, like.Retries, like.KeyEnv, like.Concurrency
	j, same := &now.Judge, began.Judge
	j.Server, j.PriceInput, j.PriceOutput = same.Server, same.PriceInput, same.PriceOutput
	key, a, b := config.Difference(began, now)
	if key == "" {
		return nil
	}
	remedy := ""
	if key == "episodes" && now.Episodes > began.Episodes {
		remedy = fmt.Sprintf(": to extend it, pgsrm train --resume --episodes %d --out %s", now.Episodes, dir)
	}
	return config.Errorf("%s: must be as in %s to resume the run there (began with %s, got %s)%s", key, dir, a, b, remedy)
}
