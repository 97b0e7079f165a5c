// The peer written with dubbo-go: what it must do is said in ../README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

type serviceName struct {
	Interface string `json:"interface"`
	Group     string `json:"group"`
	Version   string `json:"version"`
}

type options struct {
	Role         string        `json:"role"`
	Application  string        `json:"application"`
	Registry     string        `json:"registry"`
	Protocol     string        `json:"protocol"`
	Port         int           `json:"port"`
	Metadata     string        `json:"metadata"`
	RegisterMode string        `json:"registerMode"`
	Migration    string        `json:"migration"`
	Services     []serviceName `json:"services"`
	Label        string        `json:"label"`
	Weight       *int64        `json:"weight"`
	Directory    string        `json:"directory"`
}

type command struct {
	ID        json.RawMessage `json:"id"`
	Do        string          `json:"do"`
	Suite     string          `json:"suite"`
	Name      string          `json:"name"`
	PerSecond float64         `json:"perSecond"`
	Retries   *int            `json:"retries"`
	serviceName
}

type answer map[string]any

// peer carries out the commands of one role.
type peer interface {
	do(command) answer
}

// lines writes one JSON object a line to what was stdout at the start.
type lines struct {
	mu  sync.Mutex
	out *os.File
}

func (l *lines) write(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		line, _ = json.Marshal(answer{"ok": false, "detail": err.Error()})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(append(line, '\n'))
}

// keepStdout gives the only handle on stdout; whatever libraries print goes to stderr from now on.
func keepStdout() *lines {
	kept, err := syscall.Dup(1)
	if err == nil {
		err = syscall.Dup2(2, 1)
	}
	if err != nil {
		panic(err)
	}
	return &lines{out: os.NewFile(uintptr(kept), "answers")}
}

func failedStart(out *lines, detail string) {
	out.write(answer{"event": "failed", "detail": detail})
	os.Exit(1)
}

func main() {
	out := keepStdout()
	var opts options
	if len(os.Args) != 2 {
		failedStart(out, "one JSON object is expected as the only argument")
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &opts); err != nil {
		failedStart(out, err.Error())
	}
	if opts.Directory != "" {
		if err := os.MkdirAll(opts.Directory, 0o755); err != nil {
			failedStart(out, err.Error())
		}
		// The metadata cache of a consumer goes to the working directory.
		if err := os.Chdir(opts.Directory); err != nil {
			failedStart(out, err.Error())
		}
	}
	registerValues()
	running, err := start(opts)
	if err != nil {
		failedStart(out, err.Error())
	}
	out.write(answer{"event": "ready"})
	serve(running, out)
	leave()
}

func start(opts options) (running peer, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("%v", panicked)
		}
	}()
	switch opts.Role {
	case "provider":
		return startProvider(opts)
	case "consumer":
		return startConsumer(opts)
	}
	return nil, fmt.Errorf("no role named %q", opts.Role)
}

func serve(running peer, out *lines) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var cmd command
		if err := json.Unmarshal(in.Bytes(), &cmd); err != nil {
			out.write(answer{"ok": false, "detail": err.Error()})
			continue
		}
		if cmd.Do == "stop" {
			out.write(answer{"id": cmd.ID, "ok": true})
			return
		}
		go func() {
			result := carryOut(running, cmd)
			result["id"] = cmd.ID
			out.write(result)
		}()
	}
}

func carryOut(running peer, cmd command) (result answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = failed(fmt.Errorf("panic: %v", panicked))
		}
	}()
	return running.do(cmd)
}

func failed(err error) answer { return answer{"ok": false, "detail": err.Error()} }

// blame says that it is a known fault of dubbo-go which stands in the way.
func blame(bug, detail string) answer {
	return answer{"ok": false, "bug": bug, "detail": bug + ": " + detail}
}

func outcome(err error) answer {
	if err != nil {
		return failed(err)
	}
	return answer{"ok": true}
}

// leave is what SIGTERM does: dubbo-go listens to it itself.
func leave() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	time.Sleep(30 * time.Second)
	os.Exit(1)
}
