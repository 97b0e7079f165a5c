package org.example.interop.peer;

final class Failures {
  private Failures() {}

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
