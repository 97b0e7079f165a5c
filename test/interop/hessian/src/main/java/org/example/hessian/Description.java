package org.example.hessian;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.Collection;
import java.util.Date;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A value as text, equal for equal values in either language. {@code exact} tells double from int and arrays from
 * lists; without it a number is what JavaScript's one type of number makes of it.
 */
final class Description {
  private final boolean exact;
  private final IdentityHashMap<Object, Integer> seen = new IdentityHashMap<>();

  private Description(boolean exact) {
    this.exact = exact;
  }

  static String of(Object value, boolean exact) {
    return new Description(exact).describe(value);
  }

  private String describe(Object value) {
    if (value == null) return "null";
    if (value instanceof Boolean) return value.toString();
    if (value instanceof Byte || value instanceof Short || value instanceof Integer) return "i" + value;
    if (value instanceof Long) return "l" + value;
    if (value instanceof Float one) return number(exact ? (double) one : Double.parseDouble(value.toString()));
    if (value instanceof Double number) return number(number);
    if (value instanceof Character) return text(value.toString());
    if (value instanceof String text) return text(text);
    if (value instanceof char[] units) return text(new String(units));
    if (value instanceof byte[] bytes) return bytes(bytes);
    if (value.getClass() == Date.class) return "t" + ((Date) value).getTime();
    if (value instanceof BigDecimal) return "D" + value;
    if (value instanceof BigInteger) return "B" + value;
    if (value instanceof LocalDate day) return "Y" + day(day);
    if (value instanceof LocalTime time) return "T" + time(time);
    if (value instanceof LocalDateTime both) return "Y" + day(both.toLocalDate()) + "T" + time(both.toLocalTime());
    if (value instanceof Calendar calendar) return "xjava.util.Calendar:" + calendar.getTimeInMillis();
    if (value instanceof Enum<?> constant)
      return "o" + constant.getDeclaringClass().getName() + "{name=" + text(constant.name()) + "}";
    if (value instanceof Listed listed) return describe(listed.list());
    return part(value);
  }

  /** What may be shared and may contain itself. */
  private String part(Object value) {
    boolean whole = value instanceof Collection || value instanceof Map || value.getClass().isArray()
        || value instanceof Throwable || value.getClass().getPackageName().equals("org.example.hessian");
    if (!whole) return "x" + value.getClass().getName() + ":" + text(value.toString());
    Integer earlier = seen.putIfAbsent(value, seen.size());
    if (earlier != null) return "#" + earlier;
    if (value instanceof Set<?> set)
      return set.stream().map(one -> of(one, exact)).sorted().collect(Collectors.joining(",", "S[", "]"));
    if (value instanceof Collection<?> list) return list.stream().map(this::describe).collect(Collectors.joining(",", "[", "]"));
    if (value instanceof Map<?, ?> map) return map(map);
    if (value.getClass().isArray()) return array(value);
    if (value instanceof Throwable error) return throwable(error);
    return "o" + value.getClass().getName() + fields(value);
  }

  private static String day(LocalDate day) {
    return day.getYear() + "-" + day.getMonthValue() + "-" + day.getDayOfMonth();
  }

  private static String time(LocalTime time) {
    return time.getHour() + ":" + time.getMinute() + ":" + time.getSecond() + "." + time.getNano();
  }

  private String number(double value) {
    if (!exact && value == Math.rint(value)) {
      if (Math.abs(value) <= Integer.MAX_VALUE || value == Integer.MIN_VALUE) return "i" + (int) value;
      if (Math.abs(value) <= 9007199254740991.0) return "l" + (long) value;
    }
    return "d" + String.format("%016x", Double.doubleToLongBits(value));
  }

  private static String text(String text) {
    if (text.length() > 100) return "s" + text.length() + ":" + hash(text.getBytes(StandardCharsets.UTF_16BE), text);
    StringBuilder out = new StringBuilder("\"");
    for (char unit : text.toCharArray())
      if (unit >= 0x20 && unit < 0x7f && unit != '"' && unit != '\\') out.append(unit);
      else out.append(String.format("\\u%04x", (int) unit));
    return out.append('"').toString();
  }

  private static String bytes(byte[] bytes) {
    return bytes.length > 100 ? "b" + bytes.length + ":" + hash(bytes, null) : "b" + HexFormat.of().formatHex(bytes);
  }

  private static String hash(byte[] bytes, String text) {
    byte[] input = bytes;
    if (text != null) {
      // The encoder replaces lone surrogates; the units themselves count.
      input = new byte[text.length() * 2];
      for (int i = 0; i < text.length(); i++) {
        input[2 * i] = (byte) (text.charAt(i) >> 8);
        input[2 * i + 1] = (byte) text.charAt(i);
      }
    }
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(input)).substring(0, 16);
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private String map(Map<?, ?> map) {
    TreeMap<String, Object> sorted = new TreeMap<>();
    map.forEach((key, value) -> sorted.put(of(key, exact), value));
    List<String> entries = new ArrayList<>();
    sorted.forEach((key, value) -> entries.add(key + "=" + describe(value)));
    return "{" + String.join(",", entries) + "}";
  }

  private String array(Object array) {
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < Array.getLength(array); i++) {
      Object one = Array.get(array, i);
      // An element of a float[] travels as the double that it is exactly.
      parts.add(array instanceof float[] ? number((double) (float) one) : describe(one));
    }
    return (exact ? "A" + array.getClass().getComponentType().getName() : "") + "[" + String.join(",", parts) + "]";
  }

  private String throwable(Throwable error) {
    String own = error.getClass().getPackageName().equals("org.example.hessian") ? fields(error) : "{}";
    String message = error.getMessage() == null ? "null" : text(error.getMessage());
    return "E" + error.getClass().getName() + ":" + message + own + "<" + describe(error.getCause()) + ">";
  }

  private String fields(Object value) {
    TreeMap<String, Field> fields = new TreeMap<>();
    Class<?> type = value.getClass();
    for (; type.getPackageName().equals("org.example.hessian"); type = type.getSuperclass())
      for (Field field : type.getDeclaredFields())
        if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers()))
          fields.put(field.getName(), field);
    List<String> parts = new ArrayList<>();
    for (Field field : fields.values()) {
      try {
        Object one = field.get(value);
        // As an element of a float[]; a Float travels as the double with the same digits.
        parts.add(field.getName() + "=" + (field.getType() == float.class ? number((double) (float) one) : describe(one)));
      } catch (IllegalAccessException error) {
        throw new IllegalStateException(error);
      }
    }
    return "{" + String.join(",", parts) + "}";
  }
}
