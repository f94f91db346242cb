package main

import (
	"fmt"
	"slices"
	"strings"

	"pgsrm/config"
)

// chatHelp lists the commands of a chat.
const chatHelp = `/set KEY VALUE  temperature, top_k, top_p, min_p, max_new_tokens or seed; alone: shows them
/system TEXT    the system message; without TEXT none. The conversation begins anew
/reset          begins the conversation anew
/help           shows this list
/quit           ends the chat, as Ctrl-D does
A message that begins with / is written with two of them. Ctrl-C stops an answer.
`

// chatCommands are their names.
var chatCommands = []string{"set", "system", "reset", "help", "quit"}

// commandOf takes the slash off a command, or off a message that begins with two.
func commandOf(line string) (text string, command bool) {
	line = strings.TrimSuffix(line, "\r")
	rest, slash := strings.CutPrefix(line, "/")
	return rest, slash && !strings.HasPrefix(rest, "/")
}

// command obeys a command; errQuit ends the session.
func (s *chatSession) command(text string) error {
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "set":
		return s.set(rest)
	case "system":
		if rest != "" && !s.input.Templated() {
			return inputErrorf("/system: needs a chat template, and none is in use")
		}
		s.system = rest
		s.reset()
		return nil
	}
	if slices.Contains(chatCommands, name) && rest != "" {
		return inputErrorf("/%s: must stand alone (got %q)", name, rest)
	}
	switch name {
	case "reset":
		s.reset()
	case "help":
		fmt.Fprint(s.g.Stderr, chatHelp)
	case "quit":
		return errQuit
	default:
		e := &config.Error{Must: fmt.Sprintf("unknown command %q", "/"+name)}
		if near := config.Nearest(name, chatCommands); near != "" {
			e.Hint = "/" + near
		}
		return e
	}
	return nil
}

// reset begins the conversation anew.
func (s *chatSession) reset() {
	s.turns, s.number = nil, 0
	s.state.Reset()
}

// set changes one of the settings, or shows them all.
func (s *chatSession) set(text string) error {
	changed := s.settings
	if text == "" {
		for _, k := range config.Keys(&changed) {
			fmt.Fprintf(s.g.Stderr, "%s %s\n", k.Name, k.Text())
		}
		return nil
	}
	key, value, _ := strings.Cut(text, " ")
	from := "/set " + key
	l := config.Over(&changed)
	err := l.Set(config.Setting{From: from, Key: key, Value: strings.TrimSpace(value)})
	if err == nil {
		err = l.Place(config.Check(changed))
	}
	if err != nil {
		return err
	}
	s.settings = changed
	return nil
}
