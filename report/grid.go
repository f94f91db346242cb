package report

import (
	"fmt"
	"slices"
	"strings"
)

// answerGrade is how good an answer is.
type answerGrade int

const (
	wrongAnswer answerGrade = iota
	nearAnswer              // wrong, but near in meaning: see nearFrom
	rightAnswer
)

var gradeNames = [...]string{"wrong", "near", "right"}

func (g answerGrade) String() string { return gradeNames[g] }

// nearFrom is the cosine from which a wrong answer is near: half way from what the
// children said before training, on average, to the reference. Embedders differ in how
// like unrelated texts are, and so does the middle. ok = false where no run recorded cosines.
func (g *Group) nearFrom() (cosine float64, ok bool) {
	var sum float64
	n := 0
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			for _, a := range r.First {
				if a.Semantic != nil {
					sum, n = sum+*a.Semantic, n+1
				}
			}
		}
	}
	if n == 0 {
		return 0, false
	}
	return (sum/float64(n) + 1) / 2, true
}

// grade grades an answer; near is that of nearFrom, above 1 where it is not known.
func (a Answer) grade(near float64) answerGrade {
	switch {
	case a.Exact():
		return rightAnswer
	case a.Semantic != nil && *a.Semantic >= near:
		return nearAnswer
	}
	return wrongAnswer
}

// gridTimes is the most evaluations that a learning grid shows.
const gridTimes = 24

// gridMark is one answer of a run to one prompt at one evaluation.
type gridMark struct {
	known    bool
	exact    bool
	semantic *float64
}

// gridRow are the greedy answers to one prompt.
type gridRow struct {
	key      uint64 // hash of the prompt
	id, text string
	marks    []gridMark // [episodes of the grid]
}

// grid are the greedy answers of a run: prompts by evaluations.
type grid struct {
	episodes []int
	rows     []gridRow // by key
}

// newGrid takes the greedy answers of at most answerPrompts prompts, those with the
// smallest hash, at evaluations spread evenly from the first to the last.
func newGrid(all []Answer) grid {
	var g grid
	for _, a := range all {
		if a.Greedy {
			g.episodes = append(g.episodes, a.Episode)
		}
	}
	slices.Sort(g.episodes)
	g.episodes = spread(slices.Compact(g.episodes), gridTimes)
	rows := map[uint64]*gridRow{}
	for _, a := range all {
		at, ok := slices.BinarySearch(g.episodes, a.Episode)
		if !a.Greedy || !ok {
			continue
		}
		key := hash(a.PromptID, a.Prompt)
		row := rows[key]
		if row == nil {
			row = &gridRow{key: key, id: a.PromptID, text: a.Prompt, marks: make([]gridMark, len(g.episodes))}
			rows[key] = row
		}
		row.marks[at] = gridMark{true, a.Exact(), a.Semantic}
	}
	for _, row := range rows {
		g.rows = append(g.rows, *row)
	}
	slices.SortFunc(g.rows, func(a, b gridRow) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	g.rows = g.rows[:min(answerPrompts, len(g.rows))]
	return g
}

// spread chooses at most n of some values, evenly, the first and the last among them.
func spread(values []int, n int) []int {
	if len(values) <= n {
		return values
	}
	out := make([]int, n)
	for i := range out {
		out[i] = values[i*(len(values)-1)/(n-1)]
	}
	return out
}

// grade grades a mark.
func (m gridMark) grade(near float64) answerGrade {
	switch {
	case m.exact:
		return rightAnswer
	case m.semantic != nil && *m.semantic >= near:
		return nearAnswer
	}
	return wrongAnswer
}

// gridView is the learning grid of one run as the page draws it.
type gridView struct {
	Slot     int
	Title    string // arm and seed
	Drawing  drawing
	Describe string
	Counts   []gridCount // how many prompts stand how, by evaluation
}

// gridCount is one column of a learning grid in numbers.
type gridCount struct {
	Episode            string
	Right, Near, Wrong int
}

// gridGroup is the learning grids of a task: the first seed of each arm, then the others.
type gridGroup struct {
	First, Others []gridView
	Near          string // the cosine from which an answer is near, "" where none is known
	Prompts       int
}

// grids draws the learning grids of a task. All have the prompts in one order: those
// that the first run learned first stand at the top.
func (g *Group) grids(slots map[string]int, prompts int) gridGroup {
	near, known := g.nearFrom()
	out := gridGroup{}
	if known {
		out.Near = formatValue("score", near)
	} else {
		near = 2
	}
	order := g.gridOrder(near)
	for _, arm := range g.Arms {
		for i, r := range arm.Runs {
			if len(r.Grid.episodes) < 2 || len(r.Grid.rows) == 0 {
				continue
			}
			v := r.Grid.first(prompts).view(near, order)
			v.Slot, v.Title = slots[arm.Label], fmt.Sprintf("%s, seed %d", arm.Label, r.Seed)
			v.Describe = v.Title + ": " + v.Describe
			out.Prompts = max(out.Prompts, min(prompts, len(r.Grid.rows)))
			if i == 0 {
				out.First = append(out.First, v)
			} else {
				out.Others = append(out.Others, v)
			}
		}
	}
	return out
}

// first is the grid of the first n prompts.
func (g grid) first(n int) grid {
	g.rows = g.rows[:min(n, len(g.rows))]
	return g
}

// gridOrder ranks the prompts by when the first run that has them answered them right to
// the end.
func (g *Group) gridOrder(near float64) map[uint64]int {
	at := map[uint64]int{}
	var keys []uint64
	for _, arm := range g.Arms {
		for _, row := range arm.Runs[0].Grid.rows {
			if _, ok := at[row.key]; !ok {
				at[row.key] = row.learned(near)
				keys = append(keys, row.key)
			}
		}
	}
	slices.SortStableFunc(keys, func(a, b uint64) int { return at[a] - at[b] })
	rank := map[uint64]int{}
	for i, key := range keys {
		rank[key] = i
	}
	return rank
}

// learned is the evaluation from which the answer was right to the end, then near to the
// end; prompts that were neither come last.
func (row gridRow) learned(near float64) int {
	n := len(row.marks)
	for k, from := range []answerGrade{rightAnswer, nearAnswer} {
		at := n
		for at > 0 && row.marks[at-1].grade(near) >= from {
			at--
		}
		if at < n {
			return k*1000 + at
		}
	}
	return 2000
}

// The rows of a learning grid in the units of its viewBox.
const (
	gridRowHeight = 7.0
	gridTop       = 6.0
	gridLeft      = 4.0
	gridRight     = 326.0
	gridWidth     = 330.0
)

// view draws a grid, a row for each prompt; the answers of one grade in a row are one bar.
func (g grid) view(near float64, order map[uint64]int) gridView {
	rows := slices.Clone(g.rows)
	slices.SortFunc(rows, func(a, b gridRow) int { return order[a.key] - order[b.key] })
	bottom := gridTop + gridRowHeight*float64(len(rows))
	v := gridView{Drawing: drawing{Width: gridWidth, Height: bottom + 40}, Counts: make([]gridCount, len(g.episodes))}
	width := (gridRight - gridLeft) / float64(len(g.episodes))
	var bars [len(gradeNames)][]bar
	for i, row := range rows {
		middle := gridTop + gridRowHeight*(float64(i)+0.5)
		for from := 0; from < len(row.marks); {
			to := row.stretch(from, near)
			if row.marks[from].known {
				grade := row.marks[from].grade(near)
				bars[grade] = append(bars[grade], bar{gridLeft + float64(from)*width, middle, float64(to-from) * width})
				for k := from; k < to; k++ {
					v.Counts[k].add(grade)
				}
			}
			from = to
		}
	}
	l := v.Drawing.layer("", 0)
	for grade, name := range gradeNames {
		if len(bars[grade]) > 0 {
			l.bars("bar-"+name, bars[grade])
		}
	}
	l.line("base", point{gridLeft, bottom + 2}, point{gridRight, bottom + 2})
	every := (len(g.episodes) + 3) / 4
	for k, episode := range g.episodes {
		v.Counts[k].Episode = timeLabel(episode)
		if x := gridLeft + float64(k)*width; k%every == 0 && x < gridRight-50 {
			l.text("tick", point{x, bottom + 18}, start, timeLabel(episode))
		}
	}
	l.text("axis", point{gridRight, bottom + 36}, end, "episodes")
	first, last := v.Counts[0], v.Counts[len(v.Counts)-1]
	v.Describe = fmt.Sprintf("of %d prompts %s; %s", len(rows), first.text("before training"), last.text("at the end"))
	return v
}

// stretch is where the answers of the grade at from end.
func (row gridRow) stretch(from int, near float64) int {
	to := from + 1
	for to < len(row.marks) && row.marks[to].known == row.marks[from].known && row.marks[to].grade(near) == row.marks[from].grade(near) {
		to++
	}
	return to
}

func (c *gridCount) add(g answerGrade) {
	switch g {
	case rightAnswer:
		c.Right++
	case nearAnswer:
		c.Near++
	default:
		c.Wrong++
	}
}

func (c gridCount) text(when string) string {
	var parts []string
	for _, p := range []struct {
		n    int
		name string
	}{{c.Right, "right"}, {c.Near, "near"}, {c.Wrong, "wrong"}} {
		if p.n > 0 || p.name != "near" {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	return when + " " + strings.Join(parts, ", ")
}
