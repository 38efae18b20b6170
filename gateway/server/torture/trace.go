package torture

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// canTrace says why the server cannot be killed at a system call of its own, or
// nil.
func canTrace() error {
	path, err := exec.LookPath("strace")
	if err != nil {
		return err
	}
	return exec.Command(path, "-o", "/dev/null", "-e", "trace=none", "true").Run()
}

// calls are the system calls through which something becomes durable.
var calls = []string{"pwrite64", "fsync,fdatasync"}

// farthest is the largest n of an n-th call.
const farthest = 60

// trace has the server killed at the n-th of such calls that one of its threads
// makes from now on, and kills it in the usual way where that does not come. The
// n grows with every trace.
func (o *Ordeal) trace(ctx context.Context, p *process) error {
	call, n := calls[o.traces%len(calls)], 1+o.traces/len(calls)%farthest
	o.traces++
	strace := exec.Command("strace", "-f", "-q", "-o", "/dev/null", "-e", "trace="+call, "-e", "signal=none",
		"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n), "-p", strconv.Itoa(p.cmd.Process.Pid))
	if o.noTrace != nil || strace.Start() != nil {
		<-ctx.Done()
		o.tally.kills.Add(1)
		return o.Kill()
	}
	var err error
	o.fault(fmt.Sprintf("kill at %s number %d of a thread", call, n))
	select {
	case <-p.gone:
		if o.tally.traced.Add(1); !wasKilled(p.err) {
			err = fmt.Errorf("the server ended by itself: %w", p.err)
		}
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
	o.tally.kills.Add(1)
	o.site.set(nil, nil)
	late := time.AfterFunc(5*time.Second, func() { _ = strace.Process.Kill() })
	defer late.Stop()
	_ = strace.Wait() // it ends with the server
	return err
}

// wasKilled says whether a process ended by SIGKILL.
func wasKilled(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.String() == "signal: killed"
}
