package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"dubbo.apache.org/dubbo-go/v3"
	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
)

const (
	caseTimeout  = 8 * time.Second
	findProvider = 10 * time.Second
)

type consumer struct {
	opts     options
	instance *dubbo.Instance
	mu       sync.Mutex
	ready    map[string]*reference
	loaded   map[string]*reference
	loads    map[string]*load
}

func startConsumer(opts options) (peer, error) {
	setAnswerFilter()
	instance, err := newInstance(opts)
	if err != nil {
		return nil, err
	}
	return &consumer{
		opts:     opts,
		instance: instance,
		ready:    map[string]*reference{},
		loaded:   map[string]*reference{},
		loads:    map[string]*load{},
	}, nil
}

func (c *consumer) do(cmd command) answer {
	switch cmd.Do {
	case "cases":
		return c.listCases()
	case "case":
		return c.runCase(cmd.Suite, cmd.Name)
	case "load":
		return c.startLoad(cmd)
	case "loadStop":
		return c.stopLoad(cmd.Interface)
	}
	return failed(fmt.Errorf("no command %q", cmd.Do))
}

// reference is one service as it is called. Each has a client of its own: the options of one leak into the next otherwise.
type reference struct {
	conn     *client.Connection
	protocol string
	proto    bool
}

// dial makes a reference. A timeout of 0 leaves the library's own.
func (c *consumer) dial(name serviceName, timeout time.Duration, more ...client.ReferenceOption) (ref *reference, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("no reference: %v", panicked)
		}
	}()
	cli, err := c.newClient(timeout)
	if err != nil {
		return nil, err
	}
	ref = &reference{protocol: c.opts.Protocol, proto: name.Interface == protoInterface}
	options := append(c.referenceOptions(name), more...)
	if ref.proto {
		info := &client.ClientInfo{InterfaceName: name.Interface, MethodNames: protoMethodNames()}
		ref.conn, err = cli.DialWithInfo(name.Interface, info, options...)
		return ref, err
	}
	options = append(options, client.WithSerialization("hessian2"), client.WithIDL(constant.NONIDL))
	ref.conn, err = cli.Dial(name.Interface, options...)
	return ref, err
}

func (c *consumer) newClient(timeout time.Duration) (*client.Client, error) {
	options := []client.ClientOption{client.WithClientNoCheck()}
	if timeout > 0 {
		options = append(options, client.WithClientRequestTimeout(timeout))
	}
	return c.instance.NewClient(options...)
}

func (c *consumer) referenceOptions(name serviceName) []client.ReferenceOption {
	options := []client.ReferenceOption{client.WithProtocol(c.opts.Protocol)}
	if name.Group != "" {
		options = append(options, client.WithGroup(name.Group))
	}
	if name.Version != "" {
		options = append(options, client.WithVersion(name.Version))
	}
	if c.opts.Protocol == "dubbo" {
		options = append(options, client.WithFilter(answerFilterName))
	}
	return options
}

// find gives the reference for cases, made once, when a provider answers.
func (c *consumer) find(name serviceName) (*reference, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join([]string{name.Interface, name.Group, name.Version}, "/")
	if known, ok := c.ready[key]; ok {
		return known, nil
	}
	ref, err := c.dial(name, caseTimeout)
	if err != nil {
		return nil, err
	}
	if err := ref.waitForProvider(findProvider); err != nil {
		return nil, err
	}
	c.ready[key] = ref
	return ref, nil
}

func (r *reference) waitForProvider(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		_, err := r.whoAmI(context.Background(), client.WithCallRetries(0))
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no provider within %v: %w", limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// call performs a method of a Java interface, once: dubbo-go repeats what a provider throws.
func call[T any](ctx context.Context, ref *reference, method string, args []any, options ...client.CallOption) (T, error) {
	var value T
	options = append([]client.CallOption{client.WithCallRetries(0)}, options...)
	err := ref.conn.CallUnary(ctx, args, &value, method, options...)
	return value, err
}
