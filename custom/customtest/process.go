// Package customtest is a reward of the user's own that misbehaves on command, as a
// process and as a server. Only tests use it.
package customtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"pgsrm/custom"
)

// Reward is what a function that behaves gives: tenths, by the lengths of all that it sees.
func Reward(s custom.Sample) float64 {
	n := len(s.Prompt) + 3*len(s.Response) + len(s.Reference)
	if columns := string(s.Columns); columns != "{}" {
		n += len(columns)
	}
	return float64(n%11) / 10
}

// word is the argument that makes a reward process of a test binary.
const word = "reward-process"

// Command is the text of a term exec that runs this test binary as a reward process. With
// a fault it misbehaves in every batch, or where a file is named, in those for which the
// file is there.
func Command(fault ...string) string {
	words := append([]string{os.Args[0], word}, fault...)
	for i, w := range words {
		words[i] = "'" + w + "'"
	}
	return strings.Join(words, " ")
}

// Main does not return where the arguments are those of Command. TestMain calls it first.
func Main() {
	if len(os.Args) > 1 && os.Args[1] == word {
		os.Exit(Process(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// Process answers until its input ends, and misbehaves as the arguments of Command say:
//
//	die, hang, garbage, few, many, long   no reply that is one
//	nan, infinity, large, text, null      no number for the first sample
//	stderr   a megabyte on stderr, then a proper reply
//	words    one line there, then a proper reply
//	twice    a second line that nobody asked for
//	once     the end after each reply
//	family   a child that would live on, its number on stderr
//	stubborn no end at the end of the input, its own number on stderr
func Process(args []string, in io.Reader, out, stderr io.Writer) int {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if len(args) > 0 && args[0] == "stubborn" {
				time.Sleep(time.Hour)
			}
			return 0
		}
		var r batch
		if err := json.Unmarshal(line, &r); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		reply := fmt.Sprintf(`{"id":%d,"rewards":%s}`, r.ID, r.rewards(len(r.Samples)))
		if len(args) > 0 && (len(args) == 1 || exists(args[1])) {
			if code, ended := misbehave(args[0], &r, &reply, stderr); ended {
				return code
			}
		}
		fmt.Fprintln(out, reply)
		if len(args) == 1 && args[0] == "once" {
			return 0
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// batch is a request.
type batch struct {
	ID      int64
	Samples []custom.Sample
}

// rewards is the list of the rewards of the first n samples; there may be more than that.
func (b *batch) rewards(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "0.5"
		if i < len(b.Samples) {
			list[i] = fmt.Sprint(Reward(b.Samples[i]))
		}
	}
	return "[" + strings.Join(list, ",") + "]"
}

// misbehave spoils a reply; ended is true where the process is to end with that code.
func misbehave(fault string, r *batch, reply *string, stderr io.Writer) (code int, ended bool) {
	first := func(x string) {
		*reply = strings.Replace(*reply, fmt.Sprintf("[%v", Reward(r.Samples[0])), "["+x, 1)
	}
	switch fault {
	case "die":
		fmt.Fprint(stderr, "Traceback\nValueError: no such color\n")
		return 7, true
	case "hang":
		time.Sleep(time.Hour)
	case "garbage":
		*reply = "loading the model..."
	case "few":
		*reply = fmt.Sprintf(`{"rewards":%s}`, r.rewards(len(r.Samples)-1))
	case "many":
		*reply = fmt.Sprintf(`{"rewards":%s}`, r.rewards(len(r.Samples)+1))
	case "long":
		*reply = strings.Repeat(" ", 1<<21) + *reply
	case "nan":
		first("NaN")
	case "infinity":
		first("-Infinity")
	case "large":
		first("1001")
	case "text":
		first(`"good"`)
	case "null":
		first("null")
	case "stderr":
		for range 1 << 14 {
			fmt.Fprintln(stderr, strings.Repeat("progress ", 7))
		}
		fmt.Fprint(stderr, strings.Repeat("x", 1<<20))
	case "words":
		fmt.Fprintln(stderr, "a word of \x1b[31mwarning")
	case "twice":
		*reply += "\n" + *reply
	case "stubborn":
		fmt.Fprintln(stderr, "child", os.Getpid())
	case "family":
		cmd := exec.Command("sleep", "3600")
		if err := cmd.Start(); err == nil {
			fmt.Fprintln(stderr, "child", cmd.Process.Pid)
		}
	}
	return 0, false
}

// Handler is the function behind a server.
func Handler(w http.ResponseWriter, r *http.Request) {
	var b batch
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"rewards":%s}`, b.rewards(len(b.Samples)))
}
