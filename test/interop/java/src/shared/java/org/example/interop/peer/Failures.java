package org.example.interop.peer;

import org.apache.dubbo.rpc.RpcException;

final class Failures {
  private Failures() {}

  /** The library says it by a code over dubbo, by a status over triple. */
  static boolean isTimeout(RpcException error) {
    return error.isTimeout() || String.valueOf(error).contains("DEADLINE_EXCEEDED");
  }

  static String text(Throwable error) {
    String message = String.valueOf(error.getMessage());
    String text = error.getClass().getName() + ": " + message.substring(0, Math.min(message.length(), 400));
    return error.getCause() == null ? text : text + " / " + first(error.getCause());
  }

  private static String first(Throwable cause) {
    String text = cause.toString();
    return text.substring(0, Math.min(text.length(), 200));
  }
}
