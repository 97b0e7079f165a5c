package org.example.interop.peer;

import java.util.StringJoiner;
import org.apache.dubbo.common.stream.StreamObserver;
import org.apache.dubbo.rpc.StatusRpcException;
import org.apache.dubbo.rpc.TriRpcStatus;
import org.example.interop.proto.Count;
import org.example.interop.proto.Delay;
import org.example.interop.proto.DubboInteropProtoTriple;
import org.example.interop.proto.Failure;
import org.example.interop.proto.Item;
import org.example.interop.proto.Summary;

/** What each method does is in `interop.proto`. */
final class InteropProtoImpl extends DubboInteropProtoTriple.InteropProtoImplBase {
  private final String label;

  InteropProtoImpl(String label) {
    this.label = label;
  }

  @Override
  public Item unary(Item request) {
    return request;
  }

  @Override
  public void serverStream(Count request, StreamObserver<Item> out) {
    for (int i = 0; i < request.getCount(); i++) {
      out.onNext(Item.newBuilder().setText(request.getText() + "-" + i).setNumber(i).build());
    }
    out.onCompleted();
  }

  @Override
  public StreamObserver<Item> clientStream(StreamObserver<Summary> out) {
    StringJoiner joined = new StringJoiner(",");
    return new StreamObserver<>() {
      private int count;
      private long sum;

      @Override
      public void onNext(Item item) {
        count++;
        sum += item.getNumber();
        joined.add(item.getText());
      }

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        out.onNext(Summary.newBuilder().setCount(count).setSum(sum).setJoined(joined.toString()).build());
        out.onCompleted();
      }
    };
  }

  @Override
  public StreamObserver<Item> bidi(StreamObserver<Item> out) {
    return new StreamObserver<>() {
      @Override
      public void onNext(Item item) {
        out.onNext(item);
      }

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        out.onCompleted();
      }
    };
  }

  @Override
  public Item fail(Failure request) {
    throw status(request);
  }

  @Override
  public void failLate(Failure request, StreamObserver<Item> out) {
    out.onNext(Item.newBuilder().setText("first").build());
    out.onError(status(request));
  }

  private static StatusRpcException status(Failure failure) {
    return TriRpcStatus.fromCode(failure.getCode()).withDescription(failure.getMessage()).asException();
  }

  @Override
  public Item slow(Delay request) {
    Sleep.ms(request.getMs());
    return Item.newBuilder().setText("slept").build();
  }

  @Override
  public Item meta(Item request) {
    String value = Release.received(request.getText());
    Release.answer("interop-answer", "got " + value);
    return Item.newBuilder().setText(value == null ? "" : value).build();
  }

  @Override
  public Item whoAmI(Item request) {
    return Item.newBuilder().setText(label).build();
  }
}
