package main

import (
	_ "dubbo.apache.org/dubbo-go/v3"
	_ "dubbo.apache.org/dubbo-go/v3/client"
	_ "dubbo.apache.org/dubbo-go/v3/imports"
	_ "dubbo.apache.org/dubbo-go/v3/registry"
	_ "dubbo.apache.org/dubbo-go/v3/server"
	_ "github.com/apache/dubbo-go-hessian2"
	_ "github.com/dubbogo/gost/math/big"
	_ "google.golang.org/protobuf/proto"
)

func main() {}
