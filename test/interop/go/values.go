package main

import (
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"
	"github.com/apache/dubbo-go-hessian2/java_exception"
	big "github.com/dubbogo/gost/math/big"
)

const javaPackage = "org.example.interop."

// Color is the enum RED, GREEN, BLUE. Parameters must be pointers to it.
type Color hessian.JavaEnum

const (
	Red Color = iota
	Green
	Blue
)

var colorNames = [...]string{"RED", "GREEN", "BLUE"}

func (c Color) JavaClassName() string { return javaPackage + "Color" }

func (c Color) String() string {
	if c < 0 || int(c) >= len(colorNames) {
		return ""
	}
	return colorNames[c]
}

func (c Color) EnumValue(name string) hessian.JavaEnum {
	for value, known := range colorNames {
		if known == name {
			return hessian.JavaEnum(value)
		}
	}
	return hessian.InvalidJavaEnum
}

type Address struct {
	City string
	Zip  string
}

func (*Address) JavaClassName() string { return javaPackage + "Address" }

type Person struct {
	Id        int64
	Name      string
	Age       int32
	Active    bool
	Score     float64
	Color     Color
	Balance   *big.Decimal
	Born      time.Time
	Photo     []byte
	Tags      []string
	Address   *Address
	Addresses []*Address
	Places    map[string]*Address
	Friend    *Person
}

func (*Person) JavaClassName() string { return javaPackage + "Person" }

type Node struct {
	Name     string
	Parent   *Node
	Children []*Node
}

func (*Node) JavaClassName() string { return javaPackage + "Node" }

// OrderException has the fields of Throwable beside its own two.
type OrderException struct {
	SerialVersionUID     int64
	DetailMessage        string
	StackTrace           []java_exception.StackTraceElement
	SuppressedExceptions []java_exception.Throwabler
	Cause                java_exception.Throwabler
	Code                 int32
	Reason               string
}

func (e OrderException) Error() string { return e.DetailMessage }

func (OrderException) JavaClassName() string { return javaPackage + "OrderException" }

func (e OrderException) GetStackTrace() []java_exception.StackTraceElement { return e.StackTrace }

func registerValues() {
	hessian.RegisterJavaEnum(Red)
	hessian.RegisterPOJO(&Address{})
	hessian.RegisterPOJO(&Person{})
	hessian.RegisterPOJO(&Node{})
	hessian.RegisterPOJO(&OrderException{})
}

func decimal(text string) *big.Decimal {
	value := new(big.Decimal)
	if err := value.FromBytes([]byte(text)); err != nil {
		panic(err)
	}
	return value
}
