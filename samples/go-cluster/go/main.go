// Go's half of a cluster with Node: `provider` serves the stock until SIGTERM, `consumer` asks Node for prices.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"dubbo.apache.org/dubbo-go/v3"
	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	_ "dubbo.apache.org/dubbo-go/v3/imports"
	"dubbo.apache.org/dubbo-go/v3/logger"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	"dubbo.apache.org/dubbo-go/v3/registry"
	"dubbo.apache.org/dubbo-go/v3/server"
	big "github.com/dubbogo/gost/math/big"
)

func main() {
	role, address := "provider", "nacos://127.0.0.1:8848"
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	// All of the sample is on this machine; without this the first other address is registered.
	if os.Getenv("DUBBO_IP_TO_REGISTRY") == "" {
		_ = os.Setenv("DUBBO_IP_TO_REGISTRY", "127.0.0.1")
	}
	instance := must(newInstance("go-"+role, address))
	if role == "provider" {
		provide(instance)
	} else {
		consume(instance)
	}
}

func newInstance(name, address string) (*dubbo.Instance, error) {
	at := must(url.Parse(address))
	kinds := map[string]registry.Option{
		"nacos": registry.WithNacos(), "zookeeper": registry.WithZookeeper(), "etcd": registry.WithEtcdV3(),
	}
	return dubbo.NewInstance(
		dubbo.WithName(name),
		dubbo.WithLogger(logger.WithLevel("warn")),
		dubbo.WithRegistry(kinds[at.Scheme], registry.WithAddress(at.Host), registry.WithoutUseAsConfigCenter()),
		dubbo.WithProtocol(protocol.WithDubbo(), protocol.WithPort(20010)),
	)
}

func provide(instance *dubbo.Instance) {
	// dubbo-go publishes the weight 0 unless it is told otherwise, and Java's consumers then send it nothing.
	srv := must(instance.NewServer(func(all *server.ServerOptions) { all.Provider.Weight = 100 }))
	err := srv.RegisterService(newStock(),
		server.WithInterface("org.example.shop.StockService"), server.WithSerialization("hessian2"))
	if err == nil {
		err = srv.Serve()
	}
	if err != nil {
		panic(err)
	}
}

func consume(instance *dubbo.Instance) {
	cli := must(instance.NewClient(client.WithClientNoCheck(), client.WithClientRequestTimeout(3*time.Second)))
	prices := must(cli.Dial("org.example.shop.PriceService",
		client.WithProtocol("dubbo"), client.WithSerialization("hessian2"), client.WithIDL(constant.NONIDL)))
	var sum *big.Decimal
	// Without retries: dubbo-go repeats what a provider throws.
	err := prices.CallUnary(context.Background(), []any{"tea", int32(3)}, &sum, "price", client.WithCallRetries(0))
	if err != nil {
		panic(err)
	}
	fmt.Println("3 of tea cost", sum)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
