package org.example.interop.peer;

import static org.example.interop.peer.Case.check;
import static org.example.interop.peer.Case.same;

import com.google.protobuf.ByteString;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.dubbo.common.stream.StreamObserver;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.StatusRpcException;
import org.apache.dubbo.rpc.TriRpcStatus;
import org.example.interop.proto.Count;
import org.example.interop.proto.Delay;
import org.example.interop.proto.Failure;
import org.example.interop.proto.InteropProto;
import org.example.interop.proto.Item;
import org.example.interop.proto.Summary;

/** The suite `proto`. */
final class ProtoCases {
  private final References references;

  private ProtoCases(References references) {
    this.references = references;
  }

  static Map<String, Case> all(References references) {
    ProtoCases of = new ProtoCases(references);
    Map<String, Case> all = new LinkedHashMap<>();
    all.put("unary", () -> of.unary("a😀中", 10));
    all.put("unary.large", () -> of.unary("", 1 << 20));
    all.put("stream.server", () -> of.serverStream(5));
    all.put("stream.server.empty", () -> of.serverStream(0));
    all.put("stream.client", of::clientStream);
    all.put("stream.bidi", of::bidi);
    all.put("status.code", () -> {
      of.status(3, "bad argument");
      of.status(5, "not here");
    });
    all.put("status.newline", () -> of.status(9, "line one\nline two"));
    all.put("status.cjk", () -> of.status(9, "库存不足 😀"));
    all.put("status.late", of::statusLate);
    all.put("deadline", of::deadline);
    all.put("metadata.request", () -> same(of.meta(), "v 1"));
    all.put("metadata.response", () -> {
      of.meta();
      same(Release.answered("interop-answer"), "got v 1");
    });
    return all;
  }

  private InteropProto service() throws Exception {
    InteropProto service = references.made("proto", InteropProto.class, config -> {});
    return references.awaited("proto!", service, () -> service.whoAmI(Item.getDefaultInstance()));
  }

  /** With a timeout of 500 ms. */
  private InteropProto impatient() throws Exception {
    InteropProto service = references.made("impatient proto", InteropProto.class, config -> config.setTimeout(500));
    return references.awaited("impatient proto!", service, () -> service.whoAmI(Item.getDefaultInstance()));
  }

  private static Item item(String text, long number) {
    return Item.newBuilder().setText(text).setNumber(number).build();
  }

  private void unary(String text, int length) throws Exception {
    Item item = item(text, -9_007_199_254_740_993L).toBuilder().setBlob(ByteString.copyFrom(Samples.bytes(length))).build();
    check(service().unary(item).equals(item), "another item came back");
  }

  private void serverStream(int count) throws Exception {
    Collector<Item> items = new Collector<>();
    service().serverStream(Count.newBuilder().setCount(count).setText("t").build(), items);
    for (int i = 0; i < count; i++) same(items.message(), item("t-" + i, i));
    same(items.next(), Collector.END);
  }

  private void clientStream() throws Exception {
    Collector<Summary> answer = new Collector<>();
    StreamObserver<Item> items = service().clientStream(answer);
    for (int i = 0; i < 4; i++) items.onNext(item("t" + i, i));
    items.onCompleted();
    same(answer.message(), Summary.newBuilder().setCount(4).setSum(6).setJoined("t0,t1,t2,t3").build());
  }

  private void bidi() throws Exception {
    Collector<Item> answers = new Collector<>();
    StreamObserver<Item> items = service().bidi(answers);
    for (int i = 0; i < 5; i++) {
      items.onNext(item("t" + i, i));
      same(answers.message(), item("t" + i, i));
    }
    items.onCompleted();
    same(answers.next(), Collector.END);
  }

  private void status(int code, String message) throws Exception {
    try {
      service().fail(Failure.newBuilder().setCode(code).setMessage(message).build());
    } catch (RpcException error) {
      sameStatus(error, code, message);
      return;
    }
    throw new AssertionError("no exception");
  }

  /** Where an answer was waited for, the library wraps the exception twice. */
  private static void sameStatus(Throwable error, int code, String message) {
    Throwable status = error;
    while (status != null && !(status instanceof StatusRpcException)) status = status.getCause();
    check(status != null, "not a status: " + error);
    TriRpcStatus seen = ((StatusRpcException) status).getStatus();
    same(seen.code.code + " " + seen.description, code + " " + message);
  }

  private void statusLate() throws Exception {
    Collector<Item> items = new Collector<>();
    service().failLate(Failure.newBuilder().setCode(10).setMessage("changed").build(), items);
    same(items.message(), item("first", 0));
    Object end = items.next();
    check(end instanceof Throwable, "the stream ended as if all were well");
    sameStatus((Throwable) end, 10, "changed");
  }

  private void deadline() throws Exception {
    InteropProto impatient = impatient();
    long begin = System.nanoTime();
    try {
      impatient.slow(Delay.newBuilder().setMs(3_000).build());
    } catch (RpcException error) {
      check(System.nanoTime() - begin < 2_000_000_000L, "too late: " + error);
      check(Failures.isTimeout(error), "another failure: " + error);
      same(impatient.unary(item("t", 1)), item("t", 1));
      return;
    }
    throw new AssertionError("no timeout");
  }

  private String meta() throws Exception {
    InteropProto service = service();
    Release.send("interop-key", "v 1");
    return service.meta(item("interop-key", 0)).getText();
  }
}
