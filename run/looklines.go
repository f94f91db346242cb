package run

import (
	"fmt"
	"strconv"
	"strings"
)

// Lines are what a Look says to a reader: what was seen, what it will cost, some
// answers, and what to do.
func (l *Look) Lines() []string {
	lines := []string{l.scoreLine(), l.answerLine()}
	if s := l.Scores; s != nil {
		lines = append(lines, fmt.Sprintf("%.0f of %d prompts have answers that all earn the same; the best constant answer, %s, earns %s of what references earn",
			s.Flat*float64(l.Prompts), l.Prompts, quote(s.Constant.Answer), percent(s.Constant.ShareOfCorrect)))
	}
	lines = append(lines, l.Cost.line())
	for _, c := range l.Examples {
		lines = append(lines, exampleLine(c))
	}
	for _, a := range l.Advice {
		lines = append(lines, "advice: "+a.String())
	}
	return lines
}

// scoreLine is how good the answers are.
func (l *Look) scoreLine() string {
	text := fmt.Sprintf("%d answers to each of %d prompts before training: ", l.Samples, l.Prompts)
	s := l.Scores
	if s == nil {
		return text + "not scored, " + l.Unscored
	}
	text += percent(s.Exact) + " right"
	if s.Normalized != nil {
		text += fmt.Sprintf(" to the letter, %s but for quotes and punctuation", percent(*s.Normalized))
	}
	return text + fmt.Sprintf(", likeness %.2f, reward %.3f (references earn %.3f)", s.Semantic, s.Reward, s.Right)
}

// toldCommon is the share from which on the most common answer is worth a word.
const toldCommon = 0.1

// answerLine is what they are like.
func (l *Look) answerLine() string {
	text := fmt.Sprintf("%s cut at the limit of %d tokens (the longest reference takes %d), %s empty, entropy %.2f nats a token",
		percent(l.Cut), l.Limit, l.Reference, percent(l.Empty), l.Entropy)
	if l.Share >= toldCommon {
		text += fmt.Sprintf("; %s are %s", percent(l.Share), quote(l.Common))
	}
	return text
}

func (c LookCost) line() string {
	text := fmt.Sprintf("about %.3g episodes/s, %s for the run, %.1f GB of memory", c.EpisodesPerSecond, hoursText(c.Hours), c.MemoryGB)
	if c.MachineGB > 0 {
		text += fmt.Sprintf(" of %.1f", c.MachineGB)
	}
	return text
}

// exampleLine is one answer.
func exampleLine(c Completion) string {
	text := fmt.Sprintf("for example %s: %s", quoteEnd(c.Prompt), quote(c.Response))
	if c.Finish == "length" {
		text += " (cut)"
	}
	text += ", wanted " + quote(c.Reference)
	if c.Reward != nil {
		text += fmt.Sprintf(", reward %.3f", *c.Reward)
	}
	return text
}

// longText is how many characters of a text a line has room for.
const longText = 60

// quote is a text as a reader is shown it: on one line, cut where it is long.
func quote(text string) string {
	if r := []rune(strings.TrimSpace(text)); len(r) > longText {
		return strconv.Quote(string(r[:longText])) + "..."
	}
	return strconv.Quote(strings.TrimSpace(text))
}

// quoteEnd is quote for prompts, which differ at their ends.
func quoteEnd(text string) string {
	if r := []rune(strings.TrimSpace(text)); len(r) > longText {
		return "..." + strconv.Quote(string(r[len(r)-longText:]))
	}
	return quote(text)
}

// percent is a share, with a decimal where it is small.
func percent(x float64) string {
	if x > 0 && x < 0.1 {
		return fmt.Sprintf("%.1f%%", 100*x)
	}
	return fmt.Sprintf("%.0f%%", 100*x)
}

// hoursText is a time in the unit that suits it.
func hoursText(h float64) string {
	switch {
	case h < 1.0/60:
		return fmt.Sprintf("%.0f s", 3600*h)
	case h < 2:
		return fmt.Sprintf("%.0f min", 60*h)
	case h < 48:
		return fmt.Sprintf("%.1f hours", h)
	}
	return fmt.Sprintf("%.1f days", h/24)
}
