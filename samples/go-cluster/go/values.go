package main

import (
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"
	"github.com/apache/dubbo-go-hessian2/java_exception"
)

// Item is org.example.shop.Item: what src/services.ts declares, in the same order.
type Item struct {
	Sku    string
	Name   string
	Count  int32
	Priced time.Time
}

func (*Item) JavaClassName() string { return "org.example.shop.Item" }

// OutOfStock is thrown at consumers: the fields of a Throwable of Java, and its own.
type OutOfStock struct {
	SerialVersionUID     int64
	DetailMessage        string
	StackTrace           []java_exception.StackTraceElement
	SuppressedExceptions []java_exception.Throwabler
	Cause                java_exception.Throwabler
	Left                 int32
}

func (e OutOfStock) Error() string { return e.DetailMessage }

func (OutOfStock) JavaClassName() string { return "org.example.shop.OutOfStock" }

func (e OutOfStock) GetStackTrace() []java_exception.StackTraceElement { return e.StackTrace }

func init() {
	hessian.RegisterPOJO(&Item{})
	hessian.RegisterPOJO(&OutOfStock{})
}
