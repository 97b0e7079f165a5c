package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"dubbo-ts/interop-go/pb"

	"dubbo.apache.org/dubbo-go/v3/common/constant"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"dubbo.apache.org/dubbo-go/v3/server"
)

// protoHandler is what a generated stub would ask for, written by hand.
type protoHandler interface {
	unary(context.Context, *pb.Item) (*pb.Item, error)
	serverStream(*pb.Count, *tri.ServerStream) error
	clientStream(*tri.ClientStream) (*pb.Summary, error)
	bidi(*tri.BidiStream) error
	fail(*pb.Failure) error
	failLate(*pb.Failure, *tri.ServerStream) error
	slow(*pb.Delay) (*pb.Item, error)
	meta(context.Context, *pb.Item) (*pb.Item, error)
	whoAmI() (*pb.Item, error)
}

// ProtoService is the InteropProto of ../proto/interop.proto.
type ProtoService struct {
	reference string
	label     string
}

func (s *ProtoService) Reference() string { return s.reference }

func (s *ProtoService) unary(_ context.Context, item *pb.Item) (*pb.Item, error) { return item, nil }

func (s *ProtoService) serverStream(count *pb.Count, out *tri.ServerStream) error {
	for i := int32(0); i < count.Count; i++ {
		item := &pb.Item{Text: count.Text + "-" + itoa(int64(i)), Number: int64(i)}
		if err := out.Send(item); err != nil {
			return err
		}
	}
	return nil
}

func (s *ProtoService) clientStream(in *tri.ClientStream) (*pb.Summary, error) {
	summary := &pb.Summary{}
	var texts []string
	for item := new(pb.Item); in.Receive(item); item = new(pb.Item) {
		summary.Count++
		summary.Sum += item.Number
		texts = append(texts, item.Text)
	}
	summary.Joined = strings.Join(texts, ",")
	return summary, in.Err()
}

func (s *ProtoService) bidi(both *tri.BidiStream) error {
	for {
		item := new(pb.Item)
		if err := both.Receive(item); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := both.Send(item); err != nil {
			return err
		}
	}
}

func (s *ProtoService) fail(failure *pb.Failure) error {
	return tri.NewError(tri.Code(failure.Code), errors.New(failure.Message))
}

func (s *ProtoService) failLate(failure *pb.Failure, out *tri.ServerStream) error {
	if err := out.Send(&pb.Item{Text: "first"}); err != nil {
		return err
	}
	return s.fail(failure)
}

func (s *ProtoService) slow(delay *pb.Delay) (*pb.Item, error) {
	time.Sleep(time.Duration(delay.Ms) * time.Millisecond)
	return &pb.Item{Text: "slept"}, nil
}

func (s *ProtoService) meta(ctx context.Context, item *pb.Item) (*pb.Item, error) {
	attachments, _ := ctx.Value(constant.AttachmentKey).(map[string]any)
	value := textOf(attachments[strings.ToLower(item.Text)])
	return &pb.Item{Text: value}, setAnswer(ctx, value)
}

func (s *ProtoService) whoAmI() (*pb.Item, error) { return &pb.Item{Text: s.label}, nil }

// answered wraps the message of a method, as dubbo-go's generated stubs do.
func answered[T any](message *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return tri.NewResponse(message), nil
}

func unaryMethod[Q any](name string, call func(context.Context, *Q, protoHandler) (any, error)) server.MethodInfo {
	return server.MethodInfo{
		Name:        name,
		Type:        constant.CallUnary,
		ReqInitFunc: func() any { return new(Q) },
		MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
			return call(ctx, args[0].(*Q), handler.(protoHandler))
		},
	}
}

func sameStream(base any) any { return base }

func serverStreamMethod[Q any](name string, call func(*Q, *tri.ServerStream, protoHandler) error) server.MethodInfo {
	return server.MethodInfo{
		Name:           name,
		Type:           constant.CallServerStream,
		ReqInitFunc:    func() any { return new(Q) },
		StreamInitFunc: sameStream,
		MethodFunc: func(_ context.Context, args []any, handler any) (any, error) {
			return nil, call(args[0].(*Q), args[1].(*tri.ServerStream), handler.(protoHandler))
		},
	}
}

func protoMethods() []server.MethodInfo {
	return []server.MethodInfo{
		unaryMethod("Unary", func(ctx context.Context, item *pb.Item, h protoHandler) (any, error) {
			return answered(h.unary(ctx, item))
		}),
		serverStreamMethod("ServerStream", func(count *pb.Count, out *tri.ServerStream, h protoHandler) error {
			return h.serverStream(count, out)
		}),
		{
			Name:           "ClientStream",
			Type:           constant.CallClientStream,
			StreamInitFunc: sameStream,
			MethodFunc: func(_ context.Context, args []any, handler any) (any, error) {
				return answered(handler.(protoHandler).clientStream(args[0].(*tri.ClientStream)))
			},
		},
		{
			Name:           "Bidi",
			Type:           constant.CallBidiStream,
			StreamInitFunc: sameStream,
			MethodFunc: func(_ context.Context, args []any, handler any) (any, error) {
				return nil, handler.(protoHandler).bidi(args[0].(*tri.BidiStream))
			},
		},
		unaryMethod("Fail", func(_ context.Context, failure *pb.Failure, h protoHandler) (any, error) {
			return nil, h.fail(failure)
		}),
		serverStreamMethod("FailLate", func(failure *pb.Failure, out *tri.ServerStream, h protoHandler) error {
			return h.failLate(failure, out)
		}),
		unaryMethod("Slow", func(_ context.Context, delay *pb.Delay, h protoHandler) (any, error) {
			return answered(h.slow(delay))
		}),
		unaryMethod("Meta", func(ctx context.Context, item *pb.Item, h protoHandler) (any, error) {
			return answered(h.meta(ctx, item))
		}),
		unaryMethod("WhoAmI", func(_ context.Context, _ *pb.Item, h protoHandler) (any, error) {
			return answered(h.whoAmI())
		}),
	}
}

func registerProto(srv *server.Server, reference, label string, options []server.ServiceOption) (string, error) {
	handler := &ProtoService{reference: reference, label: label}
	info := &server.ServiceInfo{
		InterfaceName: protoInterface,
		ServiceType:   (*protoHandler)(nil),
		Methods:       protoMethods(),
	}
	return reference, srv.Register(handler, info, options...)
}
