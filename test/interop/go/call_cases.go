package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strings"
	"time"

	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	hessian "github.com/apache/dubbo-go-hessian2"
	big "github.com/dubbogo/gost/math/big"
)

// call_cases.go is the suite "calls".
var callCases = []interopCase{
	{"string.empty", echo("echoString", "")},
	{"string.long", echo("echoString", strings.Repeat("x中", 51200))},
	{"string.astral", echo("echoString", "a😀中 𝄞 é\u0000\n")},
	{"int", echo("echoInt", int32(math.MinInt32), math.MaxInt32, 0, -1)},
	{"long", echo("echoLong", int64(math.MinInt64), math.MaxInt64, 0, -1)},
	{"double", echo("echoDouble", 0.1, -1e300, 5e-324)},
	{"boolean", echo("echoBoolean", true, false)},
	{"decimal", decimals},
	{"date", dates},
	{"enum", colors},
	{"pojo.nested", pojoNested},
	{"pojo.nulls", pojoNulls},
	{"pojo.circular", pojoCircular},
	{"list.pojo", listOfPojos},
	{"map.pojo", mapOfPojos},
	{"list.empty", listEmpty},
	{"null.argument", nullArgument},
	{"null.result", nullResult},
	{"void", voidMethod},
	{"bytes", byteArrays},
	{"exception.checked", checkedException},
	{"exception.runtime", runtimeException},
	{"timeout", callTimeout},
	{"attachment.request", requestAttachment},
	{"attachment.response", responseAttachment},
	{"group-version", groupAndVersion},
	{"generic", genericCall},
	{"echo", dollarEcho},
	{"oneway", oneWay},
}

func decimals(ctx context.Context, _ *consumer, ref *reference) error {
	for _, sum := range [][3]string{
		{"0.1", "0.2", "0.3"},
		{"12345678901234567890.123456789", "0.000000001", "12345678901234567890.123456790"},
	} {
		got, err := call[*big.Decimal](ctx, ref, "add", []any{decimal(sum[0]), decimal(sum[1])})
		if err != nil {
			return err
		}
		if got == nil {
			return fmt.Errorf("got null, not %s", sum[2])
		}
		if err := same(string(got.ToString()), sum[2]); err != nil {
			return err
		}
	}
	return nil
}

func dates(ctx context.Context, _ *consumer, ref *reference) error {
	for _, ms := range []int64{0, 1700000000123, -62135769600000} {
		got, err := call[time.Time](ctx, ref, "echoDate", []any{time.UnixMilli(ms)})
		if err != nil {
			return err
		}
		if err := same(got.UnixMilli(), ms); err != nil {
			return err
		}
	}
	return nil
}

func colors(ctx context.Context, _ *consumer, ref *reference) error {
	for _, color := range []Color{Red, Green, Blue} {
		got, err := call[Color](ctx, ref, "nextColor", []any{color})
		if err != nil {
			return err
		}
		if err := same(got, (color+1)%3); err != nil {
			return err
		}
	}
	return nil
}

func fullPerson(id int64, friend *Person) *Person {
	home := &Address{City: "杭州", Zip: "310000"}
	return &Person{
		Id: id, Name: "p" + itoa(id), Age: 42, Active: true, Score: 99.5, Color: Blue,
		Balance: decimal("12345.6789"), Born: time.UnixMilli(946684800000), Photo: []byte{0, 127, 128, 255},
		Tags: []string{"a", "中"}, Address: home, Addresses: []*Address{home, {City: "Oslo", Zip: "0150"}},
		Places: map[string]*Address{"home": home}, Friend: friend,
	}
}

// samePerson compares field by field: times and decimals have more than one form of the same value.
func samePerson(got, want *Person) error {
	if got == nil || want == nil {
		return same(got == nil, want == nil)
	}
	if err := samePerson(got.Friend, want.Friend); err != nil {
		return fmt.Errorf("friend: %w", err)
	}
	left, right := *got, *want
	for _, one := range []*Person{&left, &right} {
		one.Friend, one.Balance = nil, nil
		one.Born = time.UnixMilli(one.Born.UnixMilli())
	}
	if !reflect.DeepEqual(left, right) {
		return fmt.Errorf("got %+v, not %+v", left, right)
	}
	if got.Balance == nil || want.Balance == nil {
		return same(got.Balance == nil, want.Balance == nil)
	}
	return same(got.Balance.String(), want.Balance.String())
}

func echoPerson(ctx context.Context, ref *reference, person *Person) error {
	got, err := call[*Person](ctx, ref, "echoPerson", []any{person})
	if err != nil {
		return err
	}
	return samePerson(got, person)
}

func pojoNested(ctx context.Context, _ *consumer, ref *reference) error {
	return echoPerson(ctx, ref, fullPerson(math.MaxInt64, fullPerson(2, fullPerson(3, nil))))
}

func pojoNulls(ctx context.Context, _ *consumer, ref *reference) error {
	person := fullPerson(1, nil)
	person.Address, person.Places, person.Born = nil, nil, time.Time{}
	return echoPerson(ctx, ref, person)
}

func pojoCircular(ctx context.Context, _ *consumer, ref *reference) error {
	root := &Node{Name: "root"}
	root.Children = []*Node{{Name: "left", Parent: root, Children: []*Node{}}, {Name: "right", Parent: root, Children: []*Node{}}}
	got, err := call[*Node](ctx, ref, "echoNode", []any{root})
	if err != nil {
		return err
	}
	if got == nil || got.Name != "root" || len(got.Children) != 2 {
		return fmt.Errorf("got %+v", got)
	}
	for i, name := range []string{"left", "right"} {
		if got.Children[i].Name != name || got.Children[i].Parent != got {
			return fmt.Errorf("child %d is %+v", i, got.Children[i])
		}
	}
	return nil
}

// people reads a list as it comes: of anything, unless the provider says of what it is.
func people(value any) ([]*Person, error) {
	switch list := value.(type) {
	case []*Person:
		return list, nil
	case []any:
		found := make([]*Person, len(list))
		for i, one := range list {
			person, ok := one.(*Person)
			if !ok {
				return nil, fmt.Errorf("element %d is %s", i, shown(one))
			}
			found[i] = person
		}
		return found, nil
	}
	return nil, fmt.Errorf("the list is %s", shown(value))
}

func echoPeople(ctx context.Context, ref *reference, sent []*Person) error {
	answer, err := call[any](ctx, ref, "echoPeople", []any{sent})
	if err != nil {
		return err
	}
	got, err := people(answer)
	if err != nil {
		return err
	}
	if len(got) != len(sent) {
		return fmt.Errorf("got %d people", len(got))
	}
	for i := range sent {
		if err := samePerson(got[i], sent[i]); err != nil {
			return err
		}
	}
	return nil
}

func listOfPojos(ctx context.Context, _ *consumer, ref *reference) error {
	twice := fullPerson(1, nil)
	return echoPeople(ctx, ref, []*Person{twice, fullPerson(2, nil), twice})
}

func listEmpty(ctx context.Context, _ *consumer, ref *reference) error {
	return echoPeople(ctx, ref, []*Person{})
}

func mapOfPojos(ctx context.Context, _ *consumer, ref *reference) error {
	sent := map[string]*Person{"a": fullPerson(1, nil), "中": fullPerson(2, nil)}
	answer, err := call[any](ctx, ref, "echoPlaces", []any{sent})
	if err != nil {
		return err
	}
	got, ok := answer.(map[any]any)
	if !ok || len(got) != len(sent) {
		return fmt.Errorf("the map is %s", shown(answer))
	}
	for key, person := range sent {
		found, _ := got[key].(*Person)
		if err := samePerson(found, person); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func nullArgument(ctx context.Context, _ *consumer, ref *reference) error {
	text, err := call[string](ctx, ref, "describe", []any{nil})
	if err != nil {
		return err
	}
	if err := same(text, "null"); err != nil {
		return err
	}
	got, err := call[*Person](ctx, ref, "echoPerson", []any{nil})
	if err != nil {
		return err
	}
	return same(got == nil, true)
}

func nullResult(ctx context.Context, _ *consumer, ref *reference) error {
	seven, err := call[*Person](ctx, ref, "findPerson", []any{int64(7)})
	if err != nil {
		return err
	}
	if seven == nil || seven.Name != "p7" {
		return fmt.Errorf("person 7 is %+v", seven)
	}
	nobody, err := call[*Person](ctx, ref, "findPerson", []any{int64(0)})
	if err != nil {
		return err
	}
	return same(nobody == nil, true)
}

func token() string { return fmt.Sprintf("token-%d", time.Now().UnixNano()) }

func voidMethod(ctx context.Context, _ *consumer, ref *reference) error {
	noted := token()
	if _, err := call[any](ctx, ref, "touch", []any{noted}); err != nil {
		return err
	}
	got, err := call[bool](ctx, ref, "noted", []any{noted})
	if err != nil {
		return err
	}
	return same(got, true)
}

func byteArrays(ctx context.Context, _ *consumer, ref *reference) error {
	large := make([]byte, 1<<20)
	for i := range large {
		large[i] = byte(i * 31)
	}
	for _, sent := range [][]byte{large, {}} {
		got, err := call[[]byte](ctx, ref, "echoBytes", []any{sent})
		if err != nil {
			return fmt.Errorf("%d bytes: %w", len(sent), err)
		}
		if !bytes.Equal(got, sent) {
			return fmt.Errorf("%d bytes became %d others", len(sent), len(got))
		}
	}
	return nil
}

func fail(ctx context.Context, ref *reference, kind, message string) error {
	text, err := call[any](ctx, ref, "fail", []any{kind, message})
	if err == nil {
		return fmt.Errorf("answered %s instead of failing", shown(text))
	}
	return holds(err, message)
}

// failure is what a call failed with, where failing was right.
type failure struct{ error }

func holds(err error, message string) error {
	if !strings.Contains(err.Error(), message) {
		return fmt.Errorf("the message is %q", err.Error())
	}
	return failure{err}
}

func checkedException(ctx context.Context, _ *consumer, ref *reference) error {
	var seen failure
	if err := fail(ctx, ref, "checked", "no 中文 left"); !errors.As(err, &seen) {
		return err
	}
	for _, known := range []error{errors.Unwrap(seen.error), seen.error} {
		switch exception := known.(type) {
		case *OrderException:
			return sameOrder(*exception)
		case OrderException:
			return sameOrder(exception)
		}
	}
	return fmt.Errorf("got a %T: %q", seen.error, seen.error.Error())
}

func sameOrder(exception OrderException) error {
	if exception.Code != 42 || exception.Reason != "out of stock" {
		return fmt.Errorf("the fields are %d, %q", exception.Code, exception.Reason)
	}
	return nil
}

func runtimeException(ctx context.Context, _ *consumer, ref *reference) error {
	var seen failure
	if err := fail(ctx, ref, "runtime", "line one\nline two"); !errors.As(err, &seen) {
		return err
	}
	return nil
}

func callTimeout(ctx context.Context, _ *consumer, ref *reference) error {
	limited, cancel := inTime(ctx, 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := call[string](limited, ref, "slow", []any{int32(3000)}, client.WithCallRequestTimeout(500*time.Millisecond))
	if err == nil {
		return errors.New("no timeout")
	}
	if took := time.Since(began); took > 2*time.Second {
		return fmt.Errorf("it took %v: %w", took, err)
	}
	text, err := call[string](ctx, ref, "echoString", []any{"next"})
	if err != nil {
		return fmt.Errorf("the next call: %w", err)
	}
	return same(text, "next")
}

func requestAttachment(ctx context.Context, _ *consumer, ref *reference) error {
	got, err := call[string](attaching(ctx, "interop-key", "v 1"), ref, "attachment", []any{"interop-key"})
	if err != nil {
		return err
	}
	return same(got, "v 1")
}

func responseAttachment(ctx context.Context, _ *consumer, ref *reference) error {
	kept := &answers{}
	var header, trailer http.Header
	ctx = context.WithValue(attaching(ctx, "interop-key", "v 1"), answersKey{}, kept)
	_, err := call[string](ctx, ref, "attachment", []any{"interop-key"},
		client.WithResponseHeader(&header), client.WithResponseTrailer(&trailer))
	if err != nil {
		return err
	}
	if ref.protocol == "tri" {
		return same(header.Get(answerAttachment)+trailer.Get(answerAttachment), "got v 1")
	}
	return same(kept.text(answerAttachment), "got v 1")
}

func groupAndVersion(ctx context.Context, c *consumer, _ *reference) error {
	for _, name := range []serviceName{{versionedInterface, "blue", "1.2.3"}, {versionedInterface, "green", "2.0.0"}} {
		ref, err := c.find(name)
		if err != nil {
			return err
		}
		text, err := ref.whoAmI(ctx)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(text, " "+name.Group+" "+name.Version) {
			return fmt.Errorf("%s %s answers %q", name.Group, name.Version, text)
		}
	}
	return nil
}

func genericCall(ctx context.Context, c *consumer, _ *reference) error {
	cli, err := c.newClient(caseTimeout)
	if err != nil {
		return err
	}
	service, err := cli.NewGenericService(interopInterface, c.referenceOptions(serviceName{})...)
	if err != nil {
		return err
	}
	sent := map[string]any{"class": javaPackage + "Person", "id": int64(5), "name": "five", "age": int32(6)}
	var got any
	deadline := time.Now().Add(findProvider)
	for {
		got, err = service.Invoke(ctx, "echoPerson", []string{javaPackage + "Person"}, []hessian.Object{sent})
		if err == nil || time.Now().After(deadline) || !strings.Contains(err.Error(), "No provider") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	if err := genericPerson(got); err != nil {
		return err
	}
	if _, err = service.Invoke(ctx, "fail", []string{"java.lang.String", "java.lang.String"}, []hessian.Object{"runtime", "oh"}); err == nil {
		return errors.New("fail did not fail")
	} else if !strings.Contains(err.Error(), "oh") {
		return fmt.Errorf("the exception is %w", err)
	}
	decimals := []string{"java.math.BigDecimal", "java.math.BigDecimal"}
	sum, err := service.Invoke(ctx, "add", decimals, []hessian.Object{decimal("0.1"), decimal("0.2")})
	if err != nil {
		return err
	}
	if text := fmt.Sprint(sum); text != "0.3" {
		return fmt.Errorf("0.1 + 0.2 is %s", shown(sum))
	}
	return nil
}

func genericPerson(got any) error {
	fields, ok := got.(map[any]any)
	if !ok {
		return fmt.Errorf("the person is %s", shown(got))
	}
	if fields["name"] != "five" || fields["id"] != int64(5) {
		return fmt.Errorf("the person is %s", shown(got))
	}
	return nil
}

func dollarEcho(ctx context.Context, _ *consumer, ref *reference) error {
	got, err := call[string](ctx, ref, constant.Echo, []any{"hello 中"})
	if err != nil {
		return err
	}
	return same(got, "hello 中")
}

// oneWay: a call marked async without a callback is sent and not waited for.
func oneWay(ctx context.Context, _ *consumer, ref *reference) error {
	noted := token()
	if _, err := call[any](attaching(ctx, constant.AsyncKey, "true"), ref, "inform", []any{noted}); err != nil {
		return err
	}
	deadline := time.Now().Add(2 * time.Second)
	for {
		got, err := call[bool](ctx, ref, "noted", []any{noted})
		if err != nil {
			return err
		}
		if got {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("not noted within 2 s")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
