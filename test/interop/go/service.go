package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"github.com/apache/dubbo-go-hessian2/java_exception"
	big "github.com/dubbogo/gost/math/big"
)

const answerAttachment = "interop-answer"

// InteropService answers as ../README.md says. Every method takes a context: triple ends the process at one that does not.
type InteropService struct {
	reference string
	protocol  string
	label     string
	notes     sync.Map
}

func (s *InteropService) Reference() string { return s.reference }

func (s *InteropService) EchoString(_ context.Context, value string) (string, error) {
	return value, nil
}

func (s *InteropService) EchoInt(_ context.Context, value int32) (int32, error) { return value, nil }

func (s *InteropService) EchoLong(_ context.Context, value int64) (int64, error) { return value, nil }

func (s *InteropService) EchoDouble(_ context.Context, value float64) (float64, error) {
	return value, nil
}

func (s *InteropService) EchoBoolean(_ context.Context, value bool) (bool, error) { return value, nil }

func (s *InteropService) Add(_ context.Context, left, right *big.Decimal) (*big.Decimal, error) {
	sum := new(big.Decimal)
	if err := big.DecimalAdd(left, right, sum); err != nil {
		return nil, err
	}
	return sum, nil
}

func (s *InteropService) EchoDate(_ context.Context, value time.Time) (time.Time, error) {
	return value, nil
}

func (s *InteropService) NextColor(_ context.Context, value *Color) (*Color, error) {
	next := (*value + 1) % Color(len(colorNames))
	return &next, nil
}

func (s *InteropService) EchoPerson(_ context.Context, value *Person) (*Person, error) {
	return value, nil
}

func (s *InteropService) EchoNode(_ context.Context, value *Node) (*Node, error) { return value, nil }

// EchoPeople: what comes is a []any unless the sender says of what the list is, and so a list of people it cannot be called.
func (s *InteropService) EchoPeople(_ context.Context, value any) (any, error) { return value, nil }

// EchoPlaces: a map[any]any, for the same reason.
func (s *InteropService) EchoPlaces(_ context.Context, value any) (any, error) { return value, nil }

func (s *InteropService) FindPerson(_ context.Context, id int64) (*Person, error) {
	if id == 0 {
		return nil, nil
	}
	return &Person{Id: id, Name: "p" + itoa(id), Tags: []string{}}, nil
}

func (s *InteropService) Describe(_ context.Context, value *string) (string, error) {
	if value == nil {
		return "null", nil
	}
	return "text:" + *value, nil
}

func (s *InteropService) Touch(_ context.Context, value string) error {
	s.notes.Store(value, true)
	return nil
}

func (s *InteropService) EchoBytes(_ context.Context, value []byte) ([]byte, error) {
	return value, nil
}

func (s *InteropService) Fail(_ context.Context, kind, message string) (string, error) {
	if kind == "checked" {
		return "", OrderException{
			DetailMessage: message,
			StackTrace:    []java_exception.StackTraceElement{},
			Code:          42,
			Reason:        "out of stock",
		}
	}
	return "", java_exception.NewIllegalStateException(message)
}

func (s *InteropService) Slow(_ context.Context, ms int32) (string, error) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return "slept", nil
}

func (s *InteropService) Attachment(ctx context.Context, key string) (string, error) {
	attachments, _ := ctx.Value(constant.AttachmentKey).(map[string]any)
	value := textOf(attachments[key])
	if s.protocol == "tri" {
		return value, setAnswer(ctx, value)
	}
	// Over dubbo the answer's attachments are the same map.
	attachments[answerAttachment] = "got " + value
	return value, nil
}

func (s *InteropService) Inform(_ context.Context, value string) error {
	s.notes.Store(value, true)
	return nil
}

func (s *InteropService) Noted(_ context.Context, value string) (bool, error) {
	_, noted := s.notes.Load(value)
	return noted, nil
}

func (s *InteropService) WhoAmI(context.Context) (string, error) { return s.label, nil }

// NamedService is VersionedService and ExtraService.
type NamedService struct {
	reference string
	answer    string
}

func (s *NamedService) Reference() string { return s.reference }

func (s *NamedService) WhoAmI(context.Context) (string, error) { return s.answer, nil }

// textOf reads an attachment: over triple each is a list of texts.
func textOf(value any) string {
	switch known := value.(type) {
	case string:
		return known
	case []string:
		if len(known) > 0 {
			return known[0]
		}
	}
	return ""
}

func setAnswer(ctx context.Context, value string) error {
	err := triple_protocol.SetTrailer(ctx, map[string][]string{"Interop-Answer": {"got " + value}})
	if err != nil {
		return errors.Join(errors.New("no trailer"), err)
	}
	return nil
}
