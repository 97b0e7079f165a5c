package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"dubbo.apache.org/dubbo-go/v3/registry/exposed_tmp"
	"dubbo.apache.org/dubbo-go/v3/server"
)

const (
	interopInterface   = javaPackage + "InteropService"
	versionedInterface = javaPackage + "VersionedService"
	extraInterface     = javaPackage + "ExtraService"
	protoInterface     = "org.example.interop.proto.InteropProto"
)

func itoa(value int64) string { return strconv.FormatInt(value, 10) }

type provider struct {
	opts options
	srv  *server.Server
}

func startProvider(opts options) (peer, error) {
	instance, err := newInstance(opts)
	if err != nil {
		return nil, err
	}
	weight := int64(100)
	if opts.Weight != nil {
		weight = *opts.Weight
	}
	// There is no option for the weight, and its default is 0.
	srv, err := instance.NewServer(func(all *server.ServerOptions) { all.Provider.Weight = weight })
	if err != nil {
		return nil, err
	}
	p := &provider{opts: opts, srv: srv}
	for _, name := range opts.Services {
		if _, err := p.register(name); err != nil {
			return nil, err
		}
	}
	return p, p.serve()
}

// registeredContext hears when the server is registered: dubbo-go asks for Done only then, and has no other sign of it.
type registeredContext struct {
	context.Context
	once       sync.Once
	registered chan struct{}
}

func (c *registeredContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.registered) })
	return make(chan struct{})
}

// serve comes back when the instance is registered: Serve itself blocks, and tells only of what went wrong.
func (p *provider) serve() error {
	ended := make(chan error, 1)
	ctx := &registeredContext{Context: context.Background(), registered: make(chan struct{})}
	go func() {
		defer func() {
			if panicked := recover(); panicked != nil {
				ended <- fmt.Errorf("%v", panicked)
			}
		}()
		ended <- p.srv.ServeContext(ctx)
	}()
	select {
	case err := <-ended:
		return errors.Join(errors.New("the server ended at its start"), err)
	case <-ctx.registered:
		return nil
	case <-time.After(60 * time.Second):
		return errors.New("not registered within 60 s")
	}
}

// register makes a handler known to the server and returns the name under which it is found.
func (p *provider) register(name serviceName) (string, error) {
	reference := strings.Join([]string{name.Interface, name.Group, name.Version}, "/")
	options := []server.ServiceOption{server.WithInterface(name.Interface)}
	if name.Group != "" {
		options = append(options, server.WithGroup(name.Group))
	}
	if name.Version != "" {
		options = append(options, server.WithVersion(name.Version))
	}
	if name.Interface == protoInterface {
		return registerProto(p.srv, reference, p.opts.Label, options)
	}
	handler, err := p.handler(name, reference)
	if err != nil {
		return "", err
	}
	return reference, p.srv.RegisterService(handler, append(options, server.WithSerialization("hessian2"))...)
}

func (p *provider) handler(name serviceName, reference string) (any, error) {
	switch name.Interface {
	case interopInterface:
		return &InteropService{reference: reference, protocol: p.opts.Protocol, label: p.opts.Label}, nil
	case versionedInterface:
		return &NamedService{reference, strings.Join([]string{p.opts.Label, name.Group, name.Version}, " ")}, nil
	case extraInterface:
		return &NamedService{reference, p.opts.Label}, nil
	}
	return nil, fmt.Errorf("no service %q", name.Interface)
}

func (p *provider) do(cmd command) answer {
	switch cmd.Do {
	case "export":
		return outcome(p.export(cmd.serviceName))
	case "unexport":
		return blame("GB6", "unexport takes the whole instance out of the registry, with all its services")
	}
	return failed(fmt.Errorf("no command %q", cmd.Do))
}

// export at run time: dubbo-go has no call of its own for it.
func (p *provider) export(name serviceName) error {
	reference, err := p.register(name)
	if err != nil {
		return err
	}
	if err := p.srv.GetServiceOptions(reference).Export(); err != nil {
		return err
	}
	return exposed_tmp.RegisterServiceInstance()
}
