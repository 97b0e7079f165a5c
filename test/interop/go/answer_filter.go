package main

import (
	"context"
	"sync"

	"dubbo.apache.org/dubbo-go/v3/common/extension"
	"dubbo.apache.org/dubbo-go/v3/filter"
	"dubbo.apache.org/dubbo-go/v3/protocol/base"
	"dubbo.apache.org/dubbo-go/v3/protocol/result"
)

const answerFilterName = "interop-answer"

// answerFilter keeps the attachments of answers: over dubbo only a filter sees them.
type answerFilter struct{}

type answersKey struct{}

// answers are the attachments of the last answer of a call made with this context value.
type answers struct {
	mu     sync.Mutex
	values map[string]any
}

func (a *answers) text(key string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return textOf(a.values[key])
}

func setAnswerFilter() {
	extension.SetFilter(answerFilterName, func() filter.Filter { return answerFilter{} })
}

func (answerFilter) Invoke(ctx context.Context, invoker base.Invoker, inv base.Invocation) result.Result {
	return invoker.Invoke(ctx, inv)
}

func (answerFilter) OnResponse(ctx context.Context, res result.Result, _ base.Invoker, _ base.Invocation) result.Result {
	if kept, ok := ctx.Value(answersKey{}).(*answers); ok {
		kept.mu.Lock()
		kept.values = res.Attachments()
		kept.mu.Unlock()
	}
	return res
}
