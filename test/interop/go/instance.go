package main

import (
	"fmt"
	"net/url"
	"strings"

	"dubbo.apache.org/dubbo-go/v3"
	_ "dubbo.apache.org/dubbo-go/v3/imports"
	"dubbo.apache.org/dubbo-go/v3/logger"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	"dubbo.apache.org/dubbo-go/v3/registry"
	"dubbo.apache.org/dubbo-go/v3/remoting/getty"
)

// maxMessageBytes is what Java takes; dubbo-go's own limit is 1,024,000.
const maxMessageBytes = 8 << 20

func newInstance(opts options) (*dubbo.Instance, error) {
	registryOptions, err := registryOptions(opts)
	if err != nil {
		return nil, err
	}
	raiseMessageLimit()
	instanceOptions := []dubbo.InstanceOption{
		dubbo.WithName(opts.Application),
		dubbo.WithLogger(logger.WithLevel("warn")),
		dubbo.WithRegistry(registryOptions...),
	}
	if opts.Metadata == "remote" {
		instanceOptions = append(instanceOptions, dubbo.WithRemoteMetadata())
	}
	if opts.Role == "provider" {
		instanceOptions = append(instanceOptions, dubbo.WithProtocol(protocolOptions(opts)...))
	}
	return dubbo.NewInstance(instanceOptions...)
}

func protocolOptions(opts options) []protocol.ServerOption {
	if opts.Protocol == "tri" {
		return []protocol.ServerOption{protocol.WithTriple(), protocol.WithID("tri"), protocol.WithPort(opts.Port)}
	}
	return []protocol.ServerOption{protocol.WithDubbo(), protocol.WithID("dubbo"), protocol.WithPort(opts.Port)}
}

func registryOptions(opts options) ([]registry.Option, error) {
	address, err := url.Parse(opts.Registry)
	if err != nil {
		return nil, err
	}
	kinds := map[string]registry.Option{
		"zookeeper": registry.WithZookeeper(),
		"nacos":     registry.WithNacos(),
		"etcd":      registry.WithEtcdV3(),
	}
	kind, known := kinds[address.Scheme]
	if !known {
		return nil, fmt.Errorf("no registry for %q", opts.Registry)
	}
	list := []registry.Option{kind, registry.WithID("reg"), registry.WithAddress(address.Host), registry.WithoutUseAsConfigCenter(), mode(opts)}
	if address.Scheme == "nacos" {
		list = append(list, registry.WithParams(nacosParams(opts, address.Query())))
	}
	return list, nil
}

func nacosParams(opts options, query url.Values) map[string]string {
	params := map[string]string{
		"nacos.cacheDir": opts.Directory + "/nacos/cache",
		"nacos.logDir":   opts.Directory + "/nacos/log",
	}
	if user := query.Get("username"); user != "" {
		params["nacos.username"] = user
		params["nacos.password"] = query.Get("password")
	}
	return params
}

// mode is what a provider registers, or the level that a consumer reads.
func mode(opts options) registry.Option {
	chosen := opts.RegisterMode
	if opts.Role == "consumer" {
		if chosen = "instance"; opts.Migration == "FORCE_INTERFACE" {
			chosen = "interface"
		}
	}
	switch strings.ToLower(chosen) {
	case "interface":
		return registry.WithRegisterInterface()
	case "all":
		return registry.WithRegisterServiceAndInterface()
	}
	return registry.WithRegisterService()
}

// raiseMessageLimit: the parameters of a protocol do not reach the port when the metadata service opened it first.
func raiseMessageLimit() {
	client := *getty.GetDefaultClientConfig()
	client.GettySessionParam.MaxMsgLen = maxMessageBytes
	getty.SetClientConf(client)
	server := *getty.GetDefaultServerConfig()
	server.GettySessionParam.MaxMsgLen = maxMessageBytes
	getty.SetServerConfig(server)
}
