package reward

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"pgsrm/embed"
)

// Limits of the memory.
const (
	maxAnswers    = 4096    // kept of one prompt
	maxRemembered = 1 << 20 // of all prompts
	maxAnswerText = 1024    // bytes of an answer; of a longer one only the beginning counts
)

// memory is what the reward of a run knows of the answers that were given before: how
// often each was given to each prompt, and how often each prompt was answered right.
// It is bounded, and its numbers do not depend on the order of a map.
type memory struct {
	half    float64 // visits of a prompt after which a count is half of it; 0 = never
	prompts map[string]*recalled
	order   []string // of the prompts, as they came
	answers int      // of all prompts
}

// recalled is what is known of one prompt.
type recalled struct {
	ID      string    `json:"id"`
	Visits  int       `json:"visits"`  // steps in which it was answered
	Success float64   `json:"success"` // mean of the share of right answers, see visit
	Answers []*repeat `json:"answers"` // as they came

	index map[string]*repeat
}

// repeat is one answer to a prompt.
type repeat struct {
	Text  string  `json:"text"`  // as task.Matcher.Key has it
	Count float64 `json:"count"` // times that it was given
	Fresh float64 `json:"fresh"` // the same, halved every half visits, at visit Last
	Last  int     `json:"last"`

	v Vector // of Text; nil until it is asked for
}

func newMemory(half float64) *memory {
	return &memory{half: half, prompts: map[string]*recalled{}}
}

// fresh is the count of an answer at the present visit of its prompt.
func (m *memory) fresh(p *recalled, r *repeat) float64 {
	if m.half == 0 {
		return r.Count
	}
	return r.Fresh * math.Exp2(-float64(p.Visits-r.Last)/m.half)
}

// find is what is known of an answer to a prompt; nil parts are not known.
func (m *memory) find(id, key string) (*recalled, *repeat) {
	p := m.prompts[id]
	if p == nil {
		return nil, nil
	}
	return p, p.index[cutKey(key)]
}

// times says how often an answer was given to a prompt.
func (m *memory) times(id, key string) float64 {
	if _, r := m.find(id, key); r != nil {
		return r.Count
	}
	return 0
}

// near counts how often answers were given before whose vectors are close to v.
func (m *memory) near(p *recalled, v Vector, least float64, fresh bool) float64 {
	var sum float64
	for _, r := range p.Answers {
		if r.v != nil && embed.Dot(r.v, v) >= least {
			sum += m.count(p, r, fresh)
		}
	}
	return sum
}

// count is how often an answer was given, all times or those that are fresh.
func (m *memory) count(p *recalled, r *repeat, fresh bool) float64 {
	if fresh {
		return m.fresh(p, r)
	}
	return r.Count
}

// success is the share of right answers to a prompt lately; 0 where nothing is known.
func (m *memory) success(id string) float64 {
	if p := m.prompts[id]; p != nil {
		return p.Success
	}
	return 0
}

// visit begins a step for a prompt in which a share of its answers was right.
func (m *memory) visit(id string, right float64) {
	p := m.prompts[id]
	if p == nil {
		if len(m.prompts) == maxRemembered {
			return
		}
		p = &recalled{ID: id, index: map[string]*repeat{}}
		m.prompts[id] = p
		m.order = append(m.order, id)
	}
	p.Visits++
	p.Success += (right - p.Success) * max(1/float64(p.Visits), successRate)
}

// successRate is the weight of a visit in the mean of a prompt's success, once as many
// were seen as its inverse says; before that all weigh the same.
const successRate = 0.1

// add counts one answer to a prompt that was visited. A full memory forgets the rarest
// answer to that prompt, of equals the oldest.
func (m *memory) add(id, key string) {
	p := m.prompts[id]
	if p == nil {
		return
	}
	key = cutKey(key)
	r := p.index[key]
	if r == nil {
		if len(p.Answers) >= maxAnswers || m.answers >= maxRemembered {
			if len(p.Answers) == 0 {
				return
			}
			m.forgetOne(p)
		}
		r = &repeat{Text: key, Last: p.Visits}
		p.index[key] = r
		p.Answers = append(p.Answers, r)
		m.answers++
	}
	r.Fresh = m.fresh(p, r) + 1
	r.Count, r.Last = r.Count+1, p.Visits
}

func (m *memory) forgetOne(p *recalled) {
	least := 0
	for i, r := range p.Answers {
		if r.Count < p.Answers[least].Count {
			least = i
		}
	}
	delete(p.index, p.Answers[least].Text)
	p.Answers = slices.Delete(p.Answers, least, least+1)
	m.answers--
}

// cutKey bounds a text.
func cutKey(key string) string {
	if len(key) > maxAnswerText {
		key = key[:maxAnswerText]
	}
	return strings.ToValidUTF8(key, "?") // what JSON can hold
}

// write writes a line of JSON for each prompt.
func (m *memory) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for _, id := range m.order {
		if err := enc.Encode(m.prompts[id]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// read replaces the memory by what write wrote.
func (m *memory) read(r io.Reader) error {
	fresh := newMemory(m.half)
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	for n := 1; ; n++ {
		p := &recalled{index: map[string]*repeat{}}
		if err := dec.Decode(p); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("prompt %d: %w", n, err)
		}
		if err := fresh.accept(p); err != nil {
			return fmt.Errorf("prompt %d: %w", n, err)
		}
	}
	*m = *fresh
	return nil
}

// accept adds a prompt that was read.
func (m *memory) accept(p *recalled) error {
	switch {
	case p.ID == "" || m.prompts[p.ID] != nil:
		return fmt.Errorf("id must be given, and once (got %q)", p.ID)
	case p.Visits < 1 || !(p.Success >= 0 && p.Success <= 1):
		return fmt.Errorf("visits must be at least 1 and success between 0 and 1 (got %d and %v)", p.Visits, p.Success)
	case len(p.Answers) > maxAnswers || len(m.order) == maxRemembered || m.answers+len(p.Answers) > maxRemembered:
		return fmt.Errorf("must have at most %d answers, %d of all prompts", maxAnswers, maxRemembered)
	}
	for _, r := range p.Answers {
		switch {
		case r == nil || len(r.Text) > maxAnswerText || p.index[r.Text] != nil:
			return fmt.Errorf("answers must be texts of at most %d bytes, each once", maxAnswerText)
		case !(r.Count >= 1 && r.Count <= 1<<53) || !(r.Fresh >= 0 && r.Fresh <= r.Count) || r.Last < 1 || r.Last > p.Visits:
			return fmt.Errorf("answer %q: count must be at least 1, fresh at most that, last a visit (got %v, %v, %d)", r.Text, r.Count, r.Fresh, r.Last)
		}
		p.index[r.Text] = r
	}
	m.prompts[p.ID] = p
	m.order = append(m.order, p.ID)
	m.answers += len(p.Answers)
	return nil
}
