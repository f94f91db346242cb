package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pgsrm/custom/customtest"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/remote/remotetest"
	"pgsrm/run"
	"pgsrm/task"
	"pgsrm/tokenizer"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pgsrm":   func() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"rewards": func() { os.Exit(customtest.Process(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command lines of testdata/script. Beside the commands of
// testscript there are
//
//	exec rewards [FAULT [FILE]] the reward process of package customtest
//
//	child DIR                  writes a tiny random child
//	loud DIR FACTOR            writes that child with logits that are many times as large
//	encoder DIR                writes a tiny random sentence encoder
//	fails CODE MESSAGE ARGS... runs pgsrm ARGS, which must print that one line and end with that code
//	ends CODE MESSAGE ARGS...  is fails after a log: the message is the last line
//	keys FILE NAME...          each line of FILE must be an object with these fields in this order
//	lines FILE N               FILE must have N lines
//	replace FILE OLD NEW       replaces the first OLD, which must be there
//	truncate FILE N            keeps the first N bytes
//	claim FILE                 makes a safetensors file claim a header of 2^60 bytes
//
// $CHAT is the address of a chat server that answers with the last word in quotes,
// $VECTORS that of an embeddings server, $REWARDS that of a reward server, $JUDGE that of
// a chat server that gives grades, 4 to what has an e in it, and no verdict on "hm".
func TestScripts(t *testing.T) {
	chat := remotetest.New(t, remotetest.Chat(func(user string) string { return strings.Split(user, "'")[1] })).URL()
	vectors := remotetest.New(t, remotetest.Embeddings(16)).URL()
	rewards := remotetest.New(t, customtest.Handler).URL()
	judge := remotetest.New(t, remotetest.Talk(func(turns []string) string {
		_, response, _ := strings.Cut(turns[1], "<response ")
		response, _, _ = strings.Cut(response, "</response ")
		switch {
		case strings.Contains(response, "hm"):
			return "I cannot say."
		case strings.Contains(response[9:], "e"):
			return "Good.\nRating: 4"
		}
		return "Rating: 1"
	})).URL()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CHAT", chat)
			e.Setenv("VECTORS", vectors)
			e.Setenv("REWARDS", rewards)
			e.Setenv("JUDGE", judge)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"child": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(writeChild(ts.MkAbs(args[0]))) },
			"loud": func(ts *testscript.TestScript, _ bool, args []string) {
				factor, err := strconv.ParseFloat(args[1], 32)
				ts.Check(err)
				ts.Check(writeLoudChild(ts.MkAbs(args[0]), float32(factor)))
			},
			"encoder": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(encoderFolder)))
			},
			"fails":    func(ts *testscript.TestScript, _ bool, args []string) { scriptFails(ts, args, false) },
			"ends":     func(ts *testscript.TestScript, _ bool, args []string) { scriptFails(ts, args, true) },
			"keys":     scriptKeys,
			"lines":    scriptLines,
			"replace":  scriptReplace,
			"truncate": scriptTruncate,
			"claim":    scriptClaim,
		},
	})
}

// encoderFolder is a tiny random encoder, here as an absolute path: scripts run elsewhere.
var encoderFolder, _ = filepath.Abs("../../hf/testdata/bert")

// writeChild saves a random GPT-2 with one layer and a context of 64, whose
// vocabulary is learned from the task opposites.
func writeChild(dir string) error { return writeSizedChild(dir, 1, 16, 2) }

// writeSizedChild is writeChild for any size.
func writeSizedChild(dir string, layers, width, heads int) error {
	t, err := task.Builtin("opposites")
	if err != nil {
		return err
	}
	var texts []string
	for _, it := range t.Items {
		texts = append(texts, it.Prompt+it.Reference)
	}
	tok, err := tokenizer.TrainBPE(texts, 400, []string{"<|endoftext|>"})
	if err != nil {
		return err
	}
	cfg := lm.GPT2(layers, width, heads, tok.Size(), 64)
	cfg.EOS, cfg.BOS = 0, 0
	m, err := lm.NewRandom(cfg, 1)
	if err != nil {
		return err
	}
	return (&hf.Model{Model: m, Tokenizer: tok}).Save(dir)
}

// writeLoudChild is writeChild with the weights of the final norm times the factor and
// those of the embedding, which is the head too, times 1000.
func writeLoudChild(dir string, factor float32) error {
	if err := writeChild(dir); err != nil {
		return err
	}
	m, err := run.OpenChild(dir)
	if err != nil {
		return err
	}
	for _, p := range m.Params() {
		scale := map[string]float32{"norm.weight": factor, "embed.tokens": 1000}[p.Name]
		if scale == 0 {
			continue
		}
		for i := range p.Value {
			p.Value[i] *= scale
		}
	}
	return saveChild(m, dir, "F32")
}

// scriptFails runs a command that must fail; with logged set a log may stand before
// the message.
func scriptFails(ts *testscript.TestScript, args []string, logged bool) {
	err := ts.Exec("pgsrm", args[2:]...)
	var exit *exec.ExitError
	code := 0
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	got := ts.ReadFile("stderr")
	if logged {
		got = got[strings.LastIndexByte(strings.TrimSuffix(got, "\n"), '\n')+1:]
	}
	if strconv.Itoa(code) != args[0] || got != "pgsrm: "+args[1]+"\n" {
		ts.Fatalf("exit code %d, want %s; stderr %q, want %q", code, args[0], got, "pgsrm: "+args[1]+"\n")
	}
}

func scriptKeys(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("not JSON: %s", line)
		}
		var names []string
		for _, f := range objectFields(line) {
			names = append(names, f.name)
		}
		if !slices.Equal(names, args[1:]) {
			ts.Fatalf("fields %v, want %v: %s", names, args[1:], line)
		}
	}
}

func scriptLines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%d lines, want %s", got, args[1])
	}
}

func scriptReplace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s: must hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

func scriptTruncate(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

func scriptClaim(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	binary.LittleEndian.PutUint64(text, 1<<60)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}
