package org.example.interop.peer;

import java.util.Arrays;
import java.util.Objects;

/** One call or a few, compared with what they must give; throws what was seen instead. */
interface Case {
  void run() throws Exception;

  static void same(Object seen, Object expected) {
    boolean same =
        seen instanceof byte[] bytes && expected instanceof byte[] others
            ? Arrays.equals(bytes, others)
            : Objects.equals(seen, expected);
    if (!same) throw new AssertionError("expected " + brief(expected) + ", got " + brief(seen));
  }

  static void check(boolean condition, String what) {
    if (!condition) throw new AssertionError(what);
  }

  private static String brief(Object value) {
    String text = value instanceof byte[] bytes ? bytes.length + " bytes" : String.valueOf(value);
    return text.length() > 200 ? text.substring(0, 200) + "… (" + text.length() + ")" : text;
  }
}
