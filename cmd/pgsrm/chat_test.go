package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"pgsrm/hf"
	"pgsrm/run"
)

// interruptingWriter sends an interrupt when the first text is written.
type interruptingWriter struct {
	io.Writer
	interrupts chan<- os.Signal
	sent       bool
}

func (w *interruptingWriter) Write(p []byte) (int, error) {
	if !w.sent {
		w.sent = true
		w.interrupts <- os.Interrupt
	}
	return w.Writer.Write(p)
}

// newTalk is a session of a person with the built-in child; out gets the answers, log
// what stands on stderr.
func newTalk(t *testing.T, input io.Reader, out, log *bytes.Buffer) (*chatSession, chan os.Signal) {
	t.Helper()
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Prompter("", hf.DefaultTemplateOptions())
	if err != nil {
		t.Fatal(err)
	}
	g := &globalOptions{Stdin: input, Stdout: out, Stderr: log, Threads: 1}
	if err := g.finish(); err != nil {
		t.Fatal(err)
	}
	interrupts := make(chan os.Signal, 2)
	return &chatSession{
		g: g, model: m, input: p, state: m.NewState(false), settings: chatSettings{TopP: 1, MaxNewTokens: 20},
		interrupts: interrupts, person: true, out: bufio.NewWriter(out),
	}, interrupts
}

// An interrupt stops the answer alone: what was said of it stays in the conversation.
func TestChatInterruptStopsAnswer(t *testing.T) {
	var out, log bytes.Buffer
	s, interrupts := newTalk(t, strings.NewReader("red and blue is => \nred\n"), &out, &log)
	s.out = bufio.NewWriter(&interruptingWriter{&out, interrupts, false})
	s.settings.Temperature = 5 // no early end
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d answers: %q", got, out.String())
	}
	if len(s.turns) != 2 || s.turns[0].Answer == "" {
		t.Errorf("turns %+v", s.turns)
	}
	whole, _ := newTalk(t, strings.NewReader("red and blue is => \n"), new(bytes.Buffer), &log)
	whole.settings = s.settings
	if err := whole.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cut := s.turns[0].Answer; !strings.HasPrefix(whole.turns[0].Answer, cut) || cut == whole.turns[0].Answer {
		t.Errorf("got %q of %q", cut, whole.turns[0].Answer)
	}
}

// Between answers one interrupt is a question, the second ends the chat.
func TestChatInterruptsEnd(t *testing.T) {
	in, typed := io.Pipe() // nobody types
	defer typed.Close()
	var out, log bytes.Buffer
	s, interrupts := newTalk(t, in, &out, &log)
	interrupts <- os.Interrupt
	interrupts <- os.Interrupt
	if err := s.run(t.Context()); !errors.Is(err, context.Canceled) || exitCode(err) != exitInterrupted {
		t.Errorf("got %v", err)
	}
	if got := strings.Count(log.String(), "once more ends the chat"); got != 1 {
		t.Errorf("%d warnings: %q", got, log.String())
	}
}

// A person sees what is wrong with a command, and the chat continues.
func TestChatPersonContinues(t *testing.T) {
	var out, log bytes.Buffer
	s, _ := newTalk(t, strings.NewReader("/rest\n"+strings.Repeat("red ", 200)+"\nhot\n"), &out, &log)
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`pgsrm: unknown command "/rest" (did you mean /reset?)` + "\n", "pgsrm: chat: the message is too long: "} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("stderr %q, want %q", log.String(), want)
		}
	}
	if len(s.turns) != 1 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("turns %+v, answers %q", s.turns, out.String())
	}
}

// The answers of a conversation do not depend on what the engine has kept of it.
func TestChatStateIsNoHistory(t *testing.T) {
	talk := func(forget bool) string {
		var out, log bytes.Buffer
		s, _ := newTalk(t, strings.NewReader(""), &out, &log)
		s.settings.Temperature, s.g.JSON = 1, true
		for _, text := range []string{"red and blue is => ", "hot", "The opposite of", "red"} {
			if forget {
				s.state.Reset()
			}
			if err := s.answer(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		return out.String()
	}
	if kept, anew := talk(false), talk(true); kept != anew {
		t.Errorf("with the rows of earlier turns\n%s, without\n%s", kept, anew)
	}
}

// A conversation that begins anew has the answers of one that begins.
func TestChatReset(t *testing.T) {
	var out, log bytes.Buffer
	s, _ := newTalk(t, strings.NewReader("hot\nhot\n/reset\nhot\n"), &out, &log)
	s.settings.Temperature = 1
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers := strings.SplitAfter(out.String(), "\n")
	if len(answers) != 4 || answers[0] != answers[2] || answers[0] == answers[1] {
		t.Errorf("got %q", answers)
	}
}
