package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dubbo-ts/interop-go/pb"

	"dubbo.apache.org/dubbo-go/v3/client"
)

const keptErrors = 20

// load calls whoAmI at a steady pace and counts what comes of it.
type load struct {
	started time.Time
	stop    chan struct{}
	first   chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	calls   int
	failed  int
	errors  []string
	byLabel map[string]int
}

func (c *consumer) startLoad(cmd command) answer {
	if cmd.Interface == "" {
		cmd.Interface = interopInterface
	}
	ref, err := c.loadReference(cmd.serviceName)
	if err != nil {
		return failed(err)
	}
	l := &load{started: time.Now(), stop: make(chan struct{}), first: make(chan struct{}), byLabel: map[string]int{}}
	c.mu.Lock()
	if _, busy := c.loads[cmd.Interface]; busy {
		c.mu.Unlock()
		return failed(fmt.Errorf("there is a load on %s already", cmd.Interface))
	}
	c.loads[cmd.Interface] = l
	c.mu.Unlock()
	var options []client.CallOption
	if cmd.Retries != nil {
		options = append(options, client.WithCallRetries(*cmd.Retries))
	}
	l.running.Add(1)
	go l.pace(ref, cmd.PerSecond, options)
	select {
	case <-l.first:
		return answer{"ok": true}
	case <-time.After(30 * time.Second):
		detail := "no call succeeded within 30 s: " + l.firstError()
		c.stopLoad(cmd.Interface)
		return answer{"ok": false, "detail": detail}
	}
}

// loadReference is made once for each interface: of several on Nacos, only the first hears of further applications.
func (c *consumer) loadReference(name serviceName) (*reference, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.loaded[name.Interface]; ok {
		return known, nil
	}
	ref, err := c.dial(name, 0)
	if err == nil {
		c.loaded[name.Interface] = ref
	}
	return ref, err
}

func (l *load) pace(ref *reference, perSecond float64, options []client.CallOption) {
	defer l.running.Done()
	ticks := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer ticks.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticks.C:
			l.running.Add(1)
			go func() {
				defer l.running.Done()
				l.one(ref, options)
			}()
		}
	}
}

func (l *load) one(ref *reference, options []client.CallOption) {
	label, err := ref.whoAmI(context.Background(), options...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.byLabel[label] == 0 && len(l.byLabel) == 0 {
		// What failed before the first success was the wait for a provider.
		l.calls, l.failed, l.errors = 0, 0, nil
		close(l.first)
	}
	l.calls++
	if err == nil {
		l.byLabel[label]++
		return
	}
	l.failed++
	if len(l.errors) < keptErrors {
		l.errors = append(l.errors, fmt.Sprintf("%d %v", time.Since(l.started).Milliseconds(), err))
	}
}

func (l *load) firstError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errors) == 0 {
		return "no call ended"
	}
	return l.errors[0]
}

func (c *consumer) stopLoad(name string) answer {
	if name == "" {
		name = interopInterface
	}
	c.mu.Lock()
	l, ok := c.loads[name]
	delete(c.loads, name)
	c.mu.Unlock()
	if !ok {
		return failed(fmt.Errorf("there is no load on %s", name))
	}
	close(l.stop)
	l.running.Wait()
	errors := l.errors
	if errors == nil {
		errors = []string{}
	}
	return answer{"ok": true, "calls": l.calls, "failed": l.failed, "errors": errors, "byLabel": l.byLabel}
}

// whoAmI is the one method that all services of the contract have.
func (r *reference) whoAmI(ctx context.Context, options ...client.CallOption) (label string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	if r.proto {
		item := new(pb.Item)
		err = r.conn.CallUnary(ctx, []any{&pb.Item{}}, item, "WhoAmI", options...)
		return item.Text, err
	}
	err = r.conn.CallUnary(ctx, []any{}, &label, "whoAmI", options...)
	return label, err
}
