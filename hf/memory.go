package hf

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"

	"pgsrm/config"
	"pgsrm/task"
)

// memoryFile holds the Memory of a child in its folder, or in that of its adapter;
// docs/format/child-folder.md describes it. No other program reads it.
const memoryFile = "pgsrm.json"

// Bounds of a memory, which comes from outside.
const (
	memoryVersion = 1
	maxMemory     = 1 << 20 // bytes of the file
	maxAnswer     = 1 << 20 // tokens of an answer
)

// Memory is what a trained child remembers of its training beside its weights: how
// prompts became its input and where its answers ended. Who uses the child takes
// these values unless told otherwise.
type Memory struct {
	Template     TemplateOptions
	System       string   // text of the system message, "" for none
	MaxNewTokens int      // longest answer, its end token included; 0 = not known
	Stop         []string // texts that an answer ended before
	Answer       task.AnswerOptions
}

// Validate reports the first value that cannot be used.
func (m Memory) Validate() error {
	if err := m.Template.Validate(); err != nil {
		return config.At("chat_template", err)
	}
	if m.MaxNewTokens < 0 || m.MaxNewTokens > maxAnswer {
		return fmt.Errorf("max_new_tokens must be between 0 and %d (got %d)", maxAnswer, m.MaxNewTokens)
	}
	return config.First(config.At("stop", Stop(m.Stop).Validate()), config.At("answer", config.Check(m.Answer)))
}

// memoryJSON is memoryFile. Its names are those of the keys of a configuration.
type memoryJSON struct {
	Version      int                `json:"version"`
	Template     memoryTemplateJSON `json:"chat_template"`
	MaxNewTokens int                `json:"max_new_tokens"`
	Stop         []string           `json:"stop"`
	Answer       task.AnswerOptions `json:"answer"`
}

type memoryTemplateJSON struct {
	Use       string `json:"use"`
	System    string `json:"system"`
	Date      string `json:"date"`
	Variables string `json:"variables"`
}

// encode is the text of memoryFile.
func (m Memory) encode() []byte {
	return indented(memoryJSON{
		Version:      memoryVersion,
		Template:     memoryTemplateJSON{m.Template.Use, m.System, m.Template.Date, m.Template.Variables},
		MaxNewTokens: m.MaxNewTokens, Stop: append([]string{}, m.Stop...), Answer: m.Answer,
	})
}

// decodeMemory reads memoryFile, and names its members that are not known, which
// are ignored. Anything else that is not as encode writes it is an error.
func decodeMemory(text []byte) (m Memory, unknown []string, err error) {
	f, err := parseFields(memoryFile, text)
	if err != nil {
		return m, nil, err
	}
	if v := f.int(0, "version"); f.err == nil && v != memoryVersion {
		f.fail("version", fmt.Sprint(memoryVersion))
	}
	t, err := f.section("chat_template")
	if err != nil {
		return m, nil, err
	}
	a, err := f.section("answer")
	if err != nil {
		return m, nil, err
	}
	m.Template = TemplateOptions{Use: t.text("auto", "use"), Date: t.text("", "date"), Variables: t.text("", "variables")}
	m.System = t.text("", "system")
	m.MaxNewTokens = f.int(0, "max_new_tokens")
	f.take(&m.Stop, "a list of texts", "stop")
	m.Answer = task.DefaultAnswerOptions()
	for _, k := range config.Keys(&m.Answer) {
		a.take(k.Value.Addr().Interface(), kindOf(k), k.Name)
	}
	if err := cmp.Or(f.err, t.err, a.err); err != nil {
		return m, nil, err
	}
	if err := m.Validate(); err != nil {
		return m, nil, fmt.Errorf("%s: %w", memoryFile, err)
	}
	return m, slices.Concat(inFile(memoryFile, f.unknown()), inFile(t.file, t.unknown()), inFile(a.file, a.unknown())), nil
}

// section is a member that is an object, empty where it is absent.
func (f *fields) section(name string) (*fields, error) {
	text := json.RawMessage("{}")
	f.take(&text, "an object", name)
	return parseFields(f.file+": "+name, text)
}

// kindOf says what the value of a key must be.
func kindOf(k config.Key) string {
	if k.Value.Kind() == reflect.Bool {
		return "true or false"
	}
	return "a text"
}

// ReadMemory reads the memory in the folder of a child or of an adapter; ok is
// false where it has none.
func ReadMemory(fsys fs.FS) (m Memory, ok bool, err error) {
	text, err := readBounded(fsys, memoryFile, maxMemory)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		m, _, err = decodeMemory(text)
	}
	return m, err == nil, err
}

// readBounded reads a file of at most max bytes.
func readBounded(fsys fs.FS, name string, max int) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(max)+1))
	if err == nil && len(text) > max {
		err = fmt.Errorf("%s: must have at most %d bytes", name, max)
	}
	return text, err
}

// Memory is what the child remembers; ok is false where its folder tells nothing.
func (m *Model) Memory() (mem Memory, ok bool) {
	if m.memory == nil {
		return Memory{}, false
	}
	return *m.memory, true
}

// Remember makes the memory part of the child, which saves it.
func (m *Model) Remember(mem Memory) error {
	if err := mem.Validate(); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	mem.Stop = slices.Clone(mem.Stop)
	m.memory, m.unsaved = &mem, true
	return nil
}

// recall reads the memory out of the files of a folder, if they hold one.
func (m *Model) recall(files map[string][]byte) (unknown []string, err error) {
	text := files[memoryFile]
	if text == nil {
		return nil, nil
	}
	mem, unknown, err := decodeMemory(text)
	if err == nil {
		m.memory, m.unsaved = &mem, false
	}
	return unknown, err
}

// addMemory adds what was remembered since the child was loaded to the files of its
// folder: memoryFile, and to generation_config.json the longest answer, which
// transformers' generate then takes. It would refuse to generate without a
// tokenizer if the texts of Stop stood there too.
func (m *Model) addMemory(files map[string][]byte) {
	if !m.unsaved {
		return
	}
	files[memoryFile] = m.memory.encode()
	if n := m.memory.MaxNewTokens; n > 0 {
		text := files[generationFile]
		if text == nil {
			text = generationJSON(m.Config)
		}
		files[generationFile] = withMembers(text, map[string]any{"max_new_tokens": n})
	}
}
