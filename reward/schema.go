package reward

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// nothingOutside refuses what a schema names outside of itself: no file, no address.
type nothingOutside struct{}

func (nothingOutside) Load(url string) (any, error) {
	return nil, fmt.Errorf("must name nothing outside of itself (%s)", strings.TrimPrefix(url, schemaBase))
}

// References in a schema are relative to schemaBase, where nothing else is found.
const schemaBase = "pgsrm:///"

// compileSchema reads a schema, of draft 2020-12 unless its $schema says another. What it
// returns makes at most maxChecks checks of a value, and allows none that takes more.
func compileSchema(text string) (allows func(value any) bool, err error) {
	doc, ok := readJSON(text)
	if _, ordinary := values(doc); !ok || !ordinary {
		return nil, fmt.Errorf("must be JSON, at most %d deep, with numbers up to 1e%d", maxJSONDepth, maxExponent)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothingOutside{})
	if err := c.AddResource(schemaBase+"#", doc); err != nil {
		return nil, schemaFault(err)
	}
	schema, err := c.Compile(schemaBase + "#")
	if err != nil {
		return nil, schemaFault(err)
	}
	places, err := placesOf(schema)
	if err != nil {
		return nil, err
	}
	return func(value any) bool {
		n, ordinary := values(value)
		return ordinary && n*places <= maxChecks && schema.Validate(value) == nil
	}, nil
}

// schemaFault says in one line what is wrong with a schema.
func schemaFault(err error) error {
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return load.Err
	}
	text := err.Error()
	var invalid *jsonschema.SchemaValidationError
	var fault *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &fault) {
		text = firstFault(fault).Error()
	}
	return errors.New(strings.ReplaceAll(strings.Join(strings.Fields(text), " "), schemaBase, ""))
}

// firstFault is the one whose place in the schema is the first in the order of letters:
// the library visits members in any order.
func firstFault(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return e
	}
	first := firstFault(e.Causes[0])
	for _, cause := range e.Causes[1:] {
		if f := firstFault(cause); slices.Compare(f.InstanceLocation, first.InstanceLocation) < 0 {
			first = f
		}
	}
	return first
}

// Limits of the work that a schema makes. A few references to a part that has a few of
// its own, and so on, would be a short schema that takes for ever.
const (
	maxPlaces = 1000    // of a schema that check the same value
	maxChecks = 200_000 // values times places
)

// placesOf is how many places of a schema check one value, at most.
func placesOf(s *jsonschema.Schema) (int, error) {
	v := visits{known: map[visit]int{}}
	most := 1
	for depth := range maxJSONDepth {
		most = max(most, v.count(s, depth))
	}
	if v.err == nil && most > maxPlaces {
		v.err = fmt.Errorf("must not check one value in more than %d places", maxPlaces)
	}
	return most, v.err
}

// visits counts the places that check a value.
type visits struct {
	known map[visit]int // -1 while it is counted
	err   error
}

type visit struct {
	schema *jsonschema.Schema
	depth  int // how far below what the schema is for the value is
}

// count is the number of places, each word of a list for one, in s and what it refers to, for whatever value at that
// depth; of more than maxPlaces it is some number above.
func (v *visits) count(s *jsonschema.Schema, depth int) int {
	if s == nil {
		return 0
	}
	at := visit{s, depth}
	if n, ok := v.known[at]; ok {
		if n < 0 {
			v.err = errors.New("must not refer to itself for the same value")
		}
		return max(n, 0)
	}
	v.known[at] = -1
	if s.DynamicRef != nil || s.RecursiveRef != nil {
		v.err = errors.New("must not have $dynamicRef or $recursiveRef")
	}
	n := v.sum(depth, s.Ref, s.Not, s.If, s.Then, s.Else) + v.sum(depth, s.AllOf...) + v.sum(depth, s.AnyOf...) + v.sum(depth, s.OneOf...)
	for _, part := range s.DependentSchemas {
		n += v.count(part, depth)
	}
	for _, part := range s.Dependencies {
		n += v.sum(depth, schemas(part)...)
	}
	if depth == 0 {
		n += 1 + len(s.Required)
		if s.Enum != nil {
			n += len(s.Enum.Values)
		}
	} else {
		n += max(v.members(s, depth-1), v.elements(s, depth-1))
	}
	n = min(n, maxPlaces+1)
	v.known[at] = n
	return n
}

func (v *visits) sum(depth int, parts ...*jsonschema.Schema) int {
	n := 0
	for _, s := range parts {
		n += v.count(s, depth)
	}
	return n
}

func (v *visits) most(depth int, parts ...*jsonschema.Schema) int {
	n := 0
	for _, s := range parts {
		n = max(n, v.count(s, depth))
	}
	return n
}

// members counts the places that check one member of an object, its name included.
func (v *visits) members(s *jsonschema.Schema, depth int) int {
	n := v.sum(depth, s.UnevaluatedProperties, s.PropertyNames) + v.sum(depth, schemas(s.AdditionalProperties)...)
	for _, part := range s.PatternProperties {
		n += v.count(part, depth)
	}
	most := 0
	for _, part := range s.Properties {
		most = max(most, v.count(part, depth))
	}
	return n + most
}

// elements counts the places that check one element of a list.
func (v *visits) elements(s *jsonschema.Schema, depth int) int {
	return v.sum(depth, s.Items2020, s.Contains, s.UnevaluatedItems) + v.sum(depth, schemas(s.AdditionalItems)...) +
		v.most(depth, s.PrefixItems...) + v.most(depth, schemas(s.Items)...)
}

// schemas are those of a keyword that has something else too.
func schemas(keyword any) []*jsonschema.Schema {
	switch k := keyword.(type) {
	case *jsonschema.Schema:
		return []*jsonschema.Schema{k}
	case []*jsonschema.Schema:
		return k
	}
	return nil
}
