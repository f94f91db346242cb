package reward

import (
	"fmt"
	"regexp"

	"pgsrm/config"
)

// check is a term that is made of its text once, before the run. It sees an answer as it
// was written: quotes and Markdown count, whatever the options of answers say.
type check func(answer string) float64

// regexCheck is 1 where a regular expression (RE2) matches anywhere in the answer.
func regexCheck(pattern string) (check, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, &config.Error{Must: fmt.Sprintf("must be a regular expression (RE2): %v", err), Value: fmt.Sprintf("%q", pattern)}
	}
	return func(answer string) float64 { return truth(re.MatchString(answer)) }, nil
}

// jsonCheck is 1 where the answer is JSON that a schema allows, any where there is none.
func jsonCheck(schema string) (check, error) {
	if schema == "" {
		return func(answer string) float64 {
			_, ok := readJSON(withoutFence(answer))
			return truth(ok)
		}, nil
	}
	allows, err := compileSchema(schema)
	if err != nil {
		return nil, &config.Error{Must: fmt.Sprintf("must be a JSON schema: %v", err), Value: fmt.Sprintf("%q", schema)}
	}
	return func(answer string) float64 {
		value, ok := readJSON(withoutFence(answer))
		return truth(ok && allows(value))
	}, nil
}
