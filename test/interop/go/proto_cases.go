package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dubbo-ts/interop-go/pb"

	"dubbo.apache.org/dubbo-go/v3/client"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"google.golang.org/protobuf/proto"
)

// proto_cases.go is the suite "proto".
var protoCases = []interopCase{
	{"unary", func(ctx context.Context, _ *consumer, ref *reference) error {
		return protoEcho(ctx, ref, &pb.Item{Text: "a😀中", Number: -9007199254740993, Blob: []byte("0123456789")})
	}},
	{"unary.large", func(ctx context.Context, _ *consumer, ref *reference) error {
		return protoEcho(ctx, ref, &pb.Item{Blob: bytes.Repeat([]byte{0, 255, 7, 8}, 1<<18)})
	}},
	{"stream.server", func(ctx context.Context, _ *consumer, ref *reference) error { return serverStream(ctx, ref, 5) }},
	{"stream.server.empty", func(ctx context.Context, _ *consumer, ref *reference) error { return serverStream(ctx, ref, 0) }},
	{"stream.client", clientStream},
	{"stream.bidi", bidiStream},
	{"status.code", func(ctx context.Context, _ *consumer, ref *reference) error {
		return errors.Join(status(ctx, ref, 3, "bad argument"), status(ctx, ref, 5, "not here"))
	}},
	{"status.newline", func(ctx context.Context, _ *consumer, ref *reference) error {
		return status(ctx, ref, 9, "line one\nline two")
	}},
	{"status.cjk", func(ctx context.Context, _ *consumer, ref *reference) error {
		return status(ctx, ref, 9, "库存不足 😀")
	}},
	{"status.late", statusLate},
	{"deadline", deadline},
	{"metadata.request", metadataRequest},
	{"metadata.response", metadataResponse},
}

func protoMethodNames() []string {
	var names []string
	for _, method := range protoMethods() {
		names = append(names, method.Name)
	}
	return names
}

func callProto[A any](ctx context.Context, ref *reference, method string, request any, options ...client.CallOption) (*A, error) {
	reply := new(A)
	options = append([]client.CallOption{client.WithCallRetries(0)}, options...)
	return reply, ref.conn.CallUnary(ctx, []any{request}, reply, method, options...)
}

func protoEcho(ctx context.Context, ref *reference, item *pb.Item) error {
	got, err := callProto[pb.Item](ctx, ref, "Unary", item)
	if err != nil {
		return err
	}
	if !proto.Equal(got, item) {
		return fmt.Errorf("got %s", shown(got.String()))
	}
	return nil
}

func serverStream(ctx context.Context, ref *reference, count int32) error {
	raw, err := ref.conn.CallServerStream(ctx, &pb.Count{Count: count, Text: "item"}, "ServerStream")
	if err != nil {
		return err
	}
	stream := raw.(*tri.ServerStreamForClient)
	defer func() { _ = stream.Close() }()
	seen := int32(0)
	for item := new(pb.Item); stream.Receive(item); item = new(pb.Item) {
		if item.Text != fmt.Sprintf("item-%d", seen) || item.Number != int64(seen) {
			return fmt.Errorf("item %d is %s", seen, item)
		}
		seen++
	}
	if err := stream.Err(); err != nil {
		return err
	}
	return same(seen, count)
}

func clientStream(ctx context.Context, _ *consumer, ref *reference) error {
	raw, err := ref.conn.CallClientStream(ctx, "ClientStream")
	if err != nil {
		return err
	}
	stream := raw.(*tri.ClientStreamForClient)
	for i, text := range []string{"a", "b", "中", "d"} {
		if err := stream.Send(&pb.Item{Text: text, Number: int64(i) + 1}); err != nil {
			return err
		}
	}
	summary := new(pb.Summary)
	if err := stream.CloseAndReceive(tri.NewResponse(summary)); err != nil {
		return err
	}
	if summary.Count != 4 || summary.Sum != 10 || summary.Joined != "a,b,中,d" {
		return fmt.Errorf("got %s", summary)
	}
	return nil
}

func bidiStream(ctx context.Context, _ *consumer, ref *reference) error {
	raw, err := ref.conn.CallBidiStream(ctx, "Bidi")
	if err != nil {
		return err
	}
	stream := raw.(*tri.BidiStreamForClient)
	for i := range 5 {
		sent := &pb.Item{Text: fmt.Sprintf("turn %d", i), Number: int64(i)}
		if err := stream.Send(sent); err != nil {
			return err
		}
		got := new(pb.Item)
		if err := stream.Receive(got); err != nil {
			return err
		}
		if !proto.Equal(got, sent) {
			return fmt.Errorf("got %s, not %s", got, sent)
		}
	}
	if err := stream.CloseRequest(); err != nil {
		return err
	}
	if err := stream.Receive(new(pb.Item)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end is %v", err)
	}
	return stream.CloseResponse()
}

func sameStatus(err error, code tri.Code, message string) error {
	if err == nil {
		return errors.New("no status")
	}
	var status *tri.Error
	if !errors.As(err, &status) {
		return fmt.Errorf("got a %T: %w", err, err)
	}
	if status.Code() != code || status.Message() != message {
		return fmt.Errorf("got %d %q", status.Code(), status.Message())
	}
	return nil
}

func status(ctx context.Context, ref *reference, code int32, message string) error {
	_, err := callProto[pb.Item](ctx, ref, "Fail", &pb.Failure{Code: code, Message: message})
	return sameStatus(err, tri.Code(code), message)
}

func statusLate(ctx context.Context, _ *consumer, ref *reference) error {
	raw, err := ref.conn.CallServerStream(ctx, &pb.Failure{Code: 10, Message: "changed"}, "FailLate")
	if err != nil {
		return err
	}
	stream := raw.(*tri.ServerStreamForClient)
	defer func() { _ = stream.Close() }()
	item := new(pb.Item)
	if !stream.Receive(item) || item.Text != "first" {
		return fmt.Errorf("no first item: %w", stream.Err())
	}
	if stream.Receive(new(pb.Item)) {
		return errors.New("a second item")
	}
	return sameStatus(stream.Err(), 10, "changed")
}

func deadline(ctx context.Context, _ *consumer, ref *reference) error {
	limited, cancel := inTime(ctx, 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := callProto[pb.Item](limited, ref, "Slow", &pb.Delay{Ms: 3000})
	if err == nil {
		return errors.New("no deadline")
	}
	if took := time.Since(began); took > 2*time.Second {
		return fmt.Errorf("it took %v: %w", took, err)
	}
	if tri.CodeOf(err) != tri.CodeDeadlineExceeded && !strings.Contains(err.Error(), "deadline") {
		return err
	}
	return protoEcho(ctx, ref, &pb.Item{Text: "next"})
}

func metadataRequest(ctx context.Context, _ *consumer, ref *reference) error {
	got, err := callProto[pb.Item](attaching(ctx, "interop-key", "v 1"), ref, "Meta", &pb.Item{Text: "interop-key"})
	if err != nil {
		return err
	}
	return same(got.Text, "v 1")
}

func metadataResponse(ctx context.Context, _ *consumer, ref *reference) error {
	var header, trailer http.Header
	_, err := callProto[pb.Item](attaching(ctx, "interop-key", "v 1"), ref, "Meta", &pb.Item{Text: "interop-key"},
		client.WithResponseHeader(&header), client.WithResponseTrailer(&trailer))
	if err != nil {
		return err
	}
	return same(header.Get(answerAttachment)+trailer.Get(answerAttachment), "got v 1")
}
