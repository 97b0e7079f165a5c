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
	Unary(context.Context, *pb.Item) (*pb.Item, error)
	ServerStream(context.Context, *pb.Count, *tri.ServerStream) error
	ClientStream(context.Context, *tri.ClientStream) (*pb.Summary, error)
	Bidi(context.Context, *tri.BidiStream) error
	Fail(context.Context, *pb.Failure) (*pb.Item, error)
	FailLate(context.Context, *pb.Failure, *tri.ServerStream) error
	Slow(context.Context, *pb.Delay) (*pb.Item, error)
	Meta(context.Context, *pb.Item) (*pb.Item, error)
	WhoAmI(context.Context, *pb.Item) (*pb.Item, error)
}

// ProtoService is the InteropProto of ../proto/interop.proto.
type ProtoService struct {
	reference string
	label     string
}

func (s *ProtoService) Reference() string { return s.reference }

func (s *ProtoService) Unary(_ context.Context, item *pb.Item) (*pb.Item, error) { return item, nil }

func (s *ProtoService) ServerStream(_ context.Context, count *pb.Count, out *tri.ServerStream) error {
	for i := int32(0); i < count.Count; i++ {
		item := &pb.Item{Text: count.Text + "-" + itoa(int64(i)), Number: int64(i)}
		if err := out.Send(item); err != nil {
			return err
		}
	}
	return nil
}

func (s *ProtoService) ClientStream(_ context.Context, in *tri.ClientStream) (*pb.Summary, error) {
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

func (s *ProtoService) Bidi(_ context.Context, both *tri.BidiStream) error {
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

func (s *ProtoService) Fail(_ context.Context, failure *pb.Failure) (*pb.Item, error) {
	return nil, tri.NewError(tri.Code(failure.Code), errors.New(failure.Message))
}

func (s *ProtoService) FailLate(ctx context.Context, failure *pb.Failure, out *tri.ServerStream) error {
	if err := out.Send(&pb.Item{Text: "first"}); err != nil {
		return err
	}
	_, err := s.Fail(ctx, failure)
	return err
}

func (s *ProtoService) Slow(_ context.Context, delay *pb.Delay) (*pb.Item, error) {
	time.Sleep(time.Duration(delay.Ms) * time.Millisecond)
	return &pb.Item{Text: "slept"}, nil
}

func (s *ProtoService) Meta(ctx context.Context, item *pb.Item) (*pb.Item, error) {
	attachments, _ := ctx.Value(constant.AttachmentKey).(map[string]any)
	value := textOf(attachments[strings.ToLower(item.Text)])
	return &pb.Item{Text: value}, setAnswer(ctx, value)
}

func (s *ProtoService) WhoAmI(context.Context, *pb.Item) (*pb.Item, error) {
	return &pb.Item{Text: s.label}, nil
}

// answered wraps the message of a method, as dubbo-go's generated stubs do.
func answered[T any](message *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return tri.NewResponse(message), nil
}

func unaryMethod[Q, A any](name string, call func(protoHandler, context.Context, *Q) (*A, error)) server.MethodInfo {
	return server.MethodInfo{
		Name:        name,
		Type:        constant.CallUnary,
		ReqInitFunc: func() any { return new(Q) },
		MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
			return answered(call(handler.(protoHandler), ctx, args[0].(*Q)))
		},
	}
}

func sameStream(base any) any { return base }

func serverStreamMethod[Q any](name string, call func(protoHandler, context.Context, *Q, *tri.ServerStream) error) server.MethodInfo {
	return server.MethodInfo{
		Name:           name,
		Type:           constant.CallServerStream,
		ReqInitFunc:    func() any { return new(Q) },
		StreamInitFunc: sameStream,
		MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
			return nil, call(handler.(protoHandler), ctx, args[0].(*Q), args[1].(*tri.ServerStream))
		},
	}
}

func protoMethods() []server.MethodInfo {
	return []server.MethodInfo{
		unaryMethod("Unary", protoHandler.Unary),
		serverStreamMethod("ServerStream", protoHandler.ServerStream),
		{
			Name:           "ClientStream",
			Type:           constant.CallClientStream,
			StreamInitFunc: sameStream,
			MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
				return answered(handler.(protoHandler).ClientStream(ctx, args[0].(*tri.ClientStream)))
			},
		},
		{
			Name:           "Bidi",
			Type:           constant.CallBidiStream,
			StreamInitFunc: sameStream,
			MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
				return nil, handler.(protoHandler).Bidi(ctx, args[0].(*tri.BidiStream))
			},
		},
		unaryMethod("Fail", protoHandler.Fail),
		serverStreamMethod("FailLate", protoHandler.FailLate),
		unaryMethod("Slow", protoHandler.Slow),
		unaryMethod("Meta", protoHandler.Meta),
		unaryMethod("WhoAmI", protoHandler.WhoAmI),
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
