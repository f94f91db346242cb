//go:build unix

package custom_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgsrm/custom"
	"pgsrm/custom/customtest"
)

// The children of a process end with it, however it ends.
func TestFamilyEndsWithItsProcess(t *testing.T) {
	for _, shell := range []string{"", "; exit"} {
		said := &warnings{}
		s := open(t, customtest.Command("family")+shell, func(o *custom.Options) { o.Warn = said.add })
		proper(t, custom.Ask(context.Background(), s, samples(4)), samples(4))
		s.Close()
		var pid int
		if all := said.all(); len(all) != 1 {
			t.Fatalf("got %q", all)
		} else if _, err := fmt.Sscanf(all[0], "exec: child %d", &pid); err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
	}
}

// gone waits for a process to end.
func gone(t *testing.T, pid int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 10*time.Second; {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(text), ") Z ") { // nobody has asked for its end yet
			return
		}
		if syscall.Kill(pid, 0) != nil {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
	syscall.Kill(pid, syscall.SIGKILL)
}

// A process that does not end with its input is killed after a while.
func TestStubbornProcess(t *testing.T) {
	s := open(t, customtest.Command("stubborn"), nil)
	proper(t, custom.Ask(context.Background(), s, samples(1)), samples(1))
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestShell(t *testing.T) {
	s := open(t, `FAULT=null; read -r line; echo '{"rewards":[0.25,'"$FAULT"']}'`, nil)
	got := custom.Ask(context.Background(), s, samples(2))
	if got[0].Reward != 0.25 || got[0].Err != nil || got[1].Err != custom.ErrNone {
		t.Errorf("got %v", got)
	}
}

// Where the system allows it a process ends with a pgsrm that is killed, though it would
// not end with its input.
func TestProcessEndsWithOneThatIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with the one that started it")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStartsAProcess$")
	cmd.Env = append(os.Environ(), starts+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "exec: child %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	gone(t, pid)
}

// starts is set where TestStartsAProcess is to start a process and wait to be killed.
const starts = "PGSRM_TEST_STARTS"

func TestStartsAProcess(t *testing.T) {
	if os.Getenv(starts) == "" {
		t.Skip("runs within TestProcessEndsWithOneThatIsKilled")
	}
	s := open(t, customtest.Command("stubborn"), func(o *custom.Options) { o.Warn = func(text string) { fmt.Println(text) } })
	proper(t, custom.Ask(context.Background(), s, samples(1)), samples(1))
	time.Sleep(time.Minute)
}
