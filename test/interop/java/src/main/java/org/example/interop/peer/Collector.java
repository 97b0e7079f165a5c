package org.example.interop.peer;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.stream.StreamObserver;

/** What a stream brings, one after the other: messages, then either `END` or the error. */
final class Collector<T> implements StreamObserver<T> {
  static final Object END = new Object();
  private final BlockingQueue<Object> came = new LinkedBlockingQueue<>();

  @Override
  public void onNext(T message) {
    came.add(message);
  }

  @Override
  public void onError(Throwable error) {
    came.add(error);
  }

  @Override
  public void onCompleted() {
    came.add(END);
  }

  Object next() throws InterruptedException {
    Object next = came.poll(8, TimeUnit.SECONDS);
    if (next == null) throw new AssertionError("nothing came in 8 s");
    return next;
  }

  @SuppressWarnings("unchecked")
  T message() throws InterruptedException {
    Object next = next();
    if (next instanceof Throwable error) throw new AssertionError(Failures.text(error), error);
    if (next == END) throw new AssertionError("the stream ended early");
    return (T) next;
  }
}
