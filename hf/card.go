package hf

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"pgsrm/internal/jsonobject"
	"pgsrm/internal/printable"
)

// cardFile is the model card of a folder, as the hub shows it.
const cardFile = "README.md"

// cardMark stands in every card that this package writes; such a card may be replaced.
const cardMark = "<!-- model card written by pgsrm -->"

// maxCard bounds the card of a folder that is read.
const maxCard = 1 << 20

// Card says of a child what the program knows about its making. Empty parts are left
// out of the model card. Tables are rows of cells; the first row of Results and of
// Samples is their head.
type Card struct {
	Title   string
	Base    string     // of the hub: ORG/NAME; "" = the child began as no model of the hub
	Tags    []string   // beside pgsrm
	Made    [][]string // names and values
	Command string     // that made it
	Program string     // version of the program
	Results [][]string
	Note    string // what Results are
	Samples [][]string
	Origin  string // of the weights
	Own     bool   // they began as random ones, or those of a child in the binary
}

// cardHead is the YAML in front of a card. Its fields are those of the hub.
type cardHead struct {
	License     string   `yaml:"license,omitempty"`
	LicenseName string   `yaml:"license_name,omitempty"`
	LicenseLink string   `yaml:"license_link,omitempty"`
	Language    []string `yaml:"language,omitempty"`
	Library     string   `yaml:"library_name,omitempty"`
	Pipeline    string   `yaml:"pipeline_tag,omitempty"`
	Base        string   `yaml:"base_model,omitempty"`
	Tags        []string `yaml:"tags,omitempty"`
}

// Describe gives the child a model card, which is saved with it.
func (m *Model) Describe(c Card) { m.card = &c }

// readCard reads what a folder's card says about licence and language, and of a card
// of ours the base. It is foreign text: what does not look like such a value is
// taken for none.
func readCard(fsys fs.FS) (h cardHead) {
	text, err := readBounded(fsys, cardFile, maxCard)
	if err != nil {
		return h
	}
	front, body, ok := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(string(text), "\r\n", "\n"), "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(string(text), "---") {
		return h
	}
	var given map[string]any
	if yaml.Unmarshal([]byte(front), &given) != nil {
		return h
	}
	plain := func(name string, shape *regexp.Regexp) string {
		s, _ := given[name].(string)
		if !shape.MatchString(s) {
			return ""
		}
		return s
	}
	h.License, h.LicenseName = plain("license", plainWord), plain("license_name", plainWord)
	h.LicenseLink = plain("license_link", plainLink)
	if strings.Contains(body, cardMark) {
		h.Base = plain("base_model", hubName)
	}
	languages, list := given["language"].([]any)
	if !list {
		languages = []any{given["language"]}
	}
	for _, l := range languages[:min(len(languages), 64)] {
		if s, _ := l.(string); plainWord.MatchString(s) {
			h.Language = append(h.Language, s)
		}
	}
	return h
}

// What values of a card look like.
var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	plainLink = regexp.MustCompile(`^(https://[A-Za-z0-9./_~%-]{1,200}|[A-Za-z0-9._-]{1,64})$`)
	hubName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
)

// ownCard says whether the card of a folder is one of ours.
func ownCard(fsys fs.FS) bool {
	text, err := readBounded(fsys, cardFile, maxCard)
	return err == nil && bytes.Contains(text, []byte(cardMark))
}

// addCard adds the model card of the child, if it has one, to the files of its folder.
func (m *Model) addCard(files map[string][]byte) {
	if m.card != nil {
		files[cardFile] = m.cardText(*m.card)
	}
}

func (m *Model) cardText(c Card) []byte {
	head := m.head
	head.Library, head.Pipeline, head.Tags = "transformers", "text-generation", append([]string{"pgsrm"}, c.Tags...)
	if _, adapted := m.LoRA(); adapted {
		head.Library, head.Tags = "peft", append(head.Tags, "lora")
	}
	if hubName.MatchString(c.Base) {
		head.Base = c.Base
	}
	front, err := yaml.Marshal(head)
	if err != nil {
		return nil // texts can always be written
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---\n%s---\n\n%s\n\n# %s\n", front, cardMark, cell(c.Title))
	part := func(title string, text ...string) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, strings.Join(text, "\n"))
	}
	if c.Made != nil {
		part("How it was made", table([][]string{{"", ""}}, c.Made))
	}
	if c.Command != "" {
		part("Command", fenced("sh", printable.Text(c.Command)), "", cell(c.Program))
	}
	if len(c.Results) > 1 {
		part("Results", table(c.Results[:1], c.Results[1:]), cell(c.Note))
	}
	if len(c.Samples) > 1 {
		part("Sample answers", table(c.Samples[:1], c.Samples[1:]))
	}
	part("Use", m.usage())
	license := ""
	switch {
	case head.License != "":
		license = "The card of the model it began as names the licence " + head.License + "."
	case !c.Own:
		license = "The licence of the weights it began with is not known to the program."
	}
	part("Origin of the weights", cell(c.Origin), license)
	return []byte(b.String())
}

// usage says how the child is used, by this program and by Hugging Face's.
func (m *Model) usage() string {
	mem, _ := m.Memory()
	load := "model = AutoModelForCausalLM.from_pretrained(folder)"
	if _, adapted := m.LoRA(); adapted {
		load += "  # with peft installed: finds the base by the name in adapter_config.json"
	}
	prompt := []string{`inputs = tokenizer("PROMPT", return_tensors="pt", add_special_tokens=False)`}
	if p, err := m.Prompter(mem.System, orDefault(mem.Template)); err == nil && p.Templated() {
		messages := `{"role": "user", "content": "PROMPT"}`
		if mem.System != "" {
			messages = `{"role": "system", "content": ` + quoted(mem.System) + `}, ` + messages
		}
		prompt = []string{
			"inputs = tokenizer.apply_chat_template([" + messages + "],",
			`    add_generation_prompt=True, return_tensors="pt", return_dict=True)`,
		}
	}
	length := ""
	if mem.MaxNewTokens > 0 {
		length = fmt.Sprintf(", max_new_tokens=%d", mem.MaxNewTokens)
	}
	return fenced("sh", "pgsrm chat --child FOLDER\npgsrm generate --child FOLDER --prompt 'PROMPT' --temperature 0") + "\n\n" +
		fenced("python", strings.Join(slices.Concat([]string{
			"from transformers import AutoModelForCausalLM, AutoTokenizer", "",
			"tokenizer = AutoTokenizer.from_pretrained(folder)", load,
		}, prompt, []string{
			"output = model.generate(**inputs, do_sample=False" + length + ")",
			`print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))`,
		}), "\n"))
}

// orDefault are the options, or the default ones where there is no memory of any.
func orDefault(o TemplateOptions) TemplateOptions {
	if o.Use == "" {
		return DefaultTemplateOptions()
	}
	return o
}

// quoted is a text as Python writes it: JSON's form is one of Python's.
func quoted(text string) string { return printable.Text(string(jsonobject.Text(text))) }

// fenced is text as a block of code, whatever backticks it has.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + text + "\n" + fence
}

// table is a table of Markdown.
func table(head, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	for _, row := range head {
		line(cellsOf(row))
		line(slices.Repeat([]string{"---"}, len(row)))
	}
	for _, row := range rows {
		line(cellsOf(row))
	}
	return b.String()
}

func cellsOf(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, cell(t))
	}
	return out
}

// cellEscapes keep foreign text from being Markdown or HTML.
var cellEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "|", `\|`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "$", `\$`, "~", `\~`,
)

// cell is a text as one line of Markdown, cut where it is long.
func cell(text string) string {
	const longest = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		for cut := longest; ; cut-- {
			if utf8.RuneStart(text[cut]) {
				text = text[:cut] + " ..."
				break
			}
		}
	}
	return cellEscapes.Replace(printable.Text(text))
}
