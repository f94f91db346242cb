package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
)

// chatSession is a conversation with a child.
type chatSession struct {
	g          *globalOptions
	model      *hf.Model
	input      *hf.Prompter
	state      *lm.State // of what was said: the next answer computes only what is new
	system     string
	settings   chatSettings
	stop       []string
	interrupts <-chan os.Signal
	person     bool // somebody types the lines; else they come from a pipe
	out        *bufio.Writer

	turns  []hf.Turn // those that are not forgotten, all answered
	number int       // of the next turn since the conversation began: names its random numbers
	warned bool      // the last thing was an interrupt between answers
}

// errQuit ends a session.
var errQuit = errors.New("quit")

// run answers lines to the end of the input.
func (s *chatSession) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(ctx, s.g.Stdin)
	if s.person {
		s.g.Log.Info("type a message; /help lists the commands, Ctrl-D ends the chat")
	}
	for {
		s.mark()
		line, ok, err := s.next(ctx, lines)
		if err != nil || !ok {
			return err
		}
		switch err := s.line(ctx, line); {
		case err == errQuit:
			return nil
		case err != nil && s.person && errors.Is(err, config.ErrBad):
			printError(s.g.Stderr, err) // and the chat continues
		case err != nil:
			return err
		}
	}
}

// mark shows a person that it is their turn.
func (s *chatSession) mark() {
	switch {
	case s.person && showsColors(s.g.Stderr):
		fmt.Fprint(s.g.Stderr, "\x1b[1;32m>\x1b[0m ")
	case s.person:
		fmt.Fprint(s.g.Stderr, "> ")
	}
}

// next waits for a line; ok is false at the end of the input. Two interrupts in a row,
// or one where nobody types, are an error.
func (s *chatSession) next(ctx context.Context, lines <-chan inputLine) (line inputLine, ok bool, err error) {
	for {
		select {
		case line, ok = <-lines:
			s.warned = false
			if line.err != nil {
				err = fmt.Errorf("line %d: %w", line.Number, line.err)
			}
			return line, ok, err
		case <-s.interrupts:
			if s.warned || !s.person {
				return line, false, context.Canceled
			}
			s.warned = true
			fmt.Fprintln(s.g.Stderr, "\nonce more ends the chat, as Ctrl-D does")
			s.mark()
		case <-ctx.Done():
			return line, false, ctx.Err()
		}
	}
}

// line obeys a command or answers a message.
func (s *chatSession) line(ctx context.Context, line inputLine) error {
	text, command := commandOf(line.Text)
	var err error
	switch {
	case line.blank():
	case command:
		err = s.command(text)
	default:
		err = s.answer(ctx, text)
	}
	if err != nil && !s.person && errors.Is(err, config.ErrBad) {
		return line.errorf("%w", err)
	}
	return err
}

// answer says something to a message of the user.
func (s *chatSession) answer(ctx context.Context, text string) error {
	s.turns = append(s.turns, hf.Turn{User: text})
	last := len(s.turns) - 1
	path, err := s.fit()
	if err != nil {
		s.turns = s.turns[:last]
		return err
	}
	a := &sampled{Prompt: text, path: path, rng: run.SampleStream(s.settings.Seed, s.number, 0)}
	err = s.sample(ctx, a)
	last = len(s.turns) - 1 // older turns may be forgotten
	if err != nil {
		s.turns = s.turns[:last]
		return err
	}
	s.turns[last].Answer = a.Text
	s.number++
	return nil
}

// fit encodes the conversation, and forgets its oldest turns until it leaves room for
// an answer.
func (s *chatSession) fit() ([]int32, error) {
	for forgotten := 0; ; forgotten++ {
		turns := s.turns[forgotten:]
		text, err := s.input.Conversation(s.system, turns)
		if err != nil {
			return nil, inputError(err)
		}
		path := s.input.Encode(text)
		err = s.model.Config.Fits(path, s.settings.MaxNewTokens)
		switch {
		case err == nil:
			if forgotten > 0 {
				s.turns = turns
				s.g.Log.Warn("the context is full: the oldest messages are forgotten", "forgotten", forgotten, "left", len(turns))
			}
			return path, nil
		case len(turns) == 1:
			return nil, inputErrorf("chat: the message is too long: %w (/set max_new_tokens makes room)", err)
		}
	}
}

// sample draws an answer and shows it while it grows. An interrupt stops it.
func (s *chatSession) sample(ctx context.Context, a *sampled) error {
	if s.state.Rows() > s.model.Config.Positions { // most of it is of what was forgotten
		s.state.Reset()
	}
	d := &sampler{m: s.model, input: s.input, state: s.state, opt: generateOptions{Sample: s.settings.sample(), Stop: s.stop}}
	var out answerPrinter = &textPrinter{w: s.out, stop: s.stop}
	if s.g.JSON {
		out = jsonPrinter{s.out}
	}
	answers := []*sampled{a}
	for d.running(answers) {
		select {
		case <-s.interrupts:
			if !s.person {
				return context.Canceled
			}
			a.Finish = "interrupted"
			continue
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if err := d.step(answers); err != nil {
			return err
		}
		if err := out.progress(answers); err != nil {
			return err
		}
	}
	return out.done(answers)
}
