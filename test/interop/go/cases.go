package main

import (
	"context"
	"fmt"
	"time"

	"dubbo.apache.org/dubbo-go/v3/common/constant"
)

// interopCase is one case of ../README.md: nil, or what was seen instead.
type interopCase struct {
	name string
	run  func(context.Context, *consumer, *reference) error
}

// faults are those of dubbo-go 3.3.2 that a case runs into, whoever the provider is.
var faults = map[string]map[string]string{
	"dubbo": {
		"exception.checked": "#3167: an exception arrives as class and message, its fields are lost",
		"generic":           "GB12: a generic result loses BigDecimal",
	},
	"tri": {
		"pojo.nulls":        "GB4: triple without IDL cannot carry null",
		"null.argument":     "GB4: triple without IDL cannot carry null",
		"null.result":       "GB4: triple without IDL cannot carry null",
		"void":              "GB4: triple without IDL cannot carry null",
		"exception.checked": "GB4: tri-exception-code is not read",
		"exception.runtime": "GB4: tri-exception-code is not read",
		"generic":           "GB11: no generic call over triple",
	},
}

func (c *consumer) listCases() answer {
	calls := make([]string, 0, len(callCases))
	for _, known := range callCases {
		if known.name == "oneway" && c.opts.Protocol == "tri" {
			continue // there is no such thing
		}
		calls = append(calls, known.name)
	}
	proto := []string{}
	if c.opts.Protocol == "tri" {
		for _, known := range protoCases {
			proto = append(proto, known.name)
		}
	}
	return answer{"ok": true, "calls": calls, "proto": proto}
}

func (c *consumer) runCase(suite, name string) answer {
	list, service := callCases, serviceName{Interface: interopInterface}
	if suite == "proto" {
		list, service = protoCases, serviceName{Interface: protoInterface}
	}
	for _, known := range list {
		if known.name != name {
			continue
		}
		ref, err := c.find(service)
		if err != nil {
			return failed(err)
		}
		return c.verdict(suite, name, known.run(context.Background(), c, ref))
	}
	return failed(fmt.Errorf("no case %q in %q", name, suite))
}

func (c *consumer) verdict(suite, name string, err error) answer {
	if fault := faults[c.opts.Protocol][name]; err != nil && suite == "calls" && fault != "" {
		return answer{"ok": false, "bug": fault[:indexOf(fault, ':')], "detail": fault + " (" + err.Error() + ")"}
	}
	return outcome(err)
}

func indexOf(text string, char rune) int {
	for i, one := range text {
		if one == char {
			return i
		}
	}
	return len(text)
}

func same[T comparable](got, want T) error {
	if got != want {
		return fmt.Errorf("got %s, not %s", shown(got), shown(want))
	}
	return nil
}

func shown(value any) string {
	text := fmt.Sprintf("%#v", value)
	if len(text) > 300 {
		return text[:300] + "…"
	}
	return text
}

// echo sends each value to a method and wants it back.
func echo[T comparable](method string, values ...T) func(context.Context, *consumer, *reference) error {
	return func(ctx context.Context, _ *consumer, ref *reference) error {
		for _, value := range values {
			got, err := call[T](ctx, ref, method, []any{value})
			if err != nil {
				return fmt.Errorf("%s: %w", shown(value), err)
			}
			if err := same(got, value); err != nil {
				return err
			}
		}
		return nil
	}
}

func attaching(ctx context.Context, key, value string) context.Context {
	return context.WithValue(ctx, constant.AttachmentKey, map[string]any{key: value})
}

// inTime gives a call's context a deadline: over triple the option of a call does not hold.
func inTime(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, limit)
}
