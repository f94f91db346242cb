package config

import (
	"reflect"
	"strings"
)

// Schema is the JSON Schema (draft 2020-12) of a configuration file, for editors.
// describe gives the text of a key. It cannot say what Rules say.
func Schema(config any, title string, describe func(key string) string) map[string]any {
	v := reflect.ValueOf(config)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	s := schemaOf("", v, "", describe)
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", title
	return s
}

func schemaOf(key string, v reflect.Value, tag reflect.StructTag, describe func(string) string) map[string]any {
	s := map[string]any{}
	switch {
	case v.Kind() == reflect.Struct:
		properties := map[string]any{}
		addProperties(properties, key, v, describe)
		s["type"], s["properties"], s["additionalProperties"] = []string{"object", "null"}, properties, false
		if _, short := reflect.New(v.Type()).Interface().(oneText); short {
			s["type"] = []string{"object", "string", "null"}
		}
	case v.Kind() == reflect.Slice:
		s["type"], s["items"] = []string{"array", "null"}, schemaOf("", reflect.New(v.Type().Elem()).Elem(), "", nil)
		if v.Type().Elem().Kind() == reflect.String {
			s["type"] = []string{"array", "string", "null"}
		}
		return s
	case v.Kind() == reflect.Bool:
		s["type"] = "boolean"
	case v.CanFloat():
		s["type"] = "number"
	case v.CanInt(), v.CanUint():
		s["type"] = "integer"
	default:
		s["type"] = "string"
	}
	addBounds(s, tag)
	if describe != nil && key != "" && v.Kind() != reflect.Struct {
		s["default"] = v.Interface()
	}
	return s
}

func addProperties(properties map[string]any, path string, v reflect.Value, describe func(string) string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if isInline(f) {
			addProperties(properties, path, v.Field(i), describe)
			continue
		}
		key := keyOf(f)
		if key == "" {
			continue
		}
		s := schemaOf(join(path, key), v.Field(i), f.Tag, describe)
		if describe != nil {
			if text := describe(join(path, key)); text != "" {
				s["description"] = text
			}
		}
		properties[key] = s
	}
}

// addBounds adds what the tags of a field say.
func addBounds(s map[string]any, tag reflect.StructTag) {
	if text, ok := tag.Lookup("range"); ok {
		i := ParseInterval(text)
		low, high := "minimum", "maximum"
		if i.AboveLow {
			low = "exclusiveMinimum"
		}
		if i.BelowHigh {
			high = "exclusiveMaximum"
		}
		s[low], s[high] = bound(i.lowText), bound(i.highText)
	}
	if words, ok := tag.Lookup("oneof"); ok {
		s["enum"] = strings.Split(words, ", ")
	}
	if tag.Get("empty") == "no" {
		s["minLength"] = 1
	}
	if longest, ok := tag.Lookup("longest"); ok {
		s["maxLength"] = bound(longest)
	}
}

// bound writes a bound in JSON to its last digit.
type bound string

// MarshalJSON writes the number as it stands in the tag.
func (b bound) MarshalJSON() ([]byte, error) { return []byte(b), nil }
