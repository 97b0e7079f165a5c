package org.example.hessian;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.URI;
import java.sql.Timestamp;
import java.time.*;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.*;
import java.util.function.Function;
import java.util.function.IntFunction;

/** Seeded random values of every kind, one kind after the other. */
final class Values {
  /** {@code type}: as test/interop/hessian knows it, {@code -} where only java.lang.Object will do; opaque: what JavaScript sees only the fields of. */
  record Sample(String kind, String type, boolean isOpaque, Object value) {}

  private record Kind(String name, String type, boolean isOpaque, Function<Random, Object> make) {}

  /** Of a kind that Java writes and must not read. */
  static final String writtenOnly = "float field";

  private static final List<Kind> kinds = kinds();

  static Sample sample(long seed, int index) {
    Kind kind = kinds.get(index % kinds.size());
    Random random = new Random(seed * 1_000_003 + index);
    random.nextInt(); // the first numbers of neighbouring seeds are alike
    return new Sample(kind.name, kind.type, kind.isOpaque, kind.make.apply(random));
  }

  private static List<Kind> kinds() {
    List<Kind> all = new ArrayList<>();
    scalars(all);
    values(all);
    collections(all);
    objects(all);
    opaque(all);
    return all;
  }

  private static void typed(List<Kind> all, String name, String type, Function<Random, Object> make) {
    all.add(new Kind(name, type, false, make));
  }

  private static void any(List<Kind> all, String name, Function<Random, Object> make) {
    typed(all, name, "-", make);
  }

  private static void opaque(List<Kind> all, String name, Function<Random, Object> make) {
    all.add(new Kind(name, "-", true, make));
  }

  private static void scalars(List<Kind> all) {
    any(all, "null", random -> null);
    typed(all, "boolean", "boolean", Random::nextBoolean);
    typed(all, "byte", "byte", random -> (byte) random.nextInt());
    typed(all, "short", "short", random -> (short) random.nextInt());
    typed(all, "int", "int", Values::anInt);
    typed(all, "int at a boundary", "int", Values::intAtBoundary);
    typed(all, "long", "long", Values::aLong);
    typed(all, "long at a boundary", "long", Values::longAtBoundary);
    typed(all, "double", "double", random -> Double.longBitsToDouble(random.nextLong()));
    typed(all, "double, compact", "double", Values::compactDouble);
    typed(all, "double, special", "double", Values::specialDouble);
    typed(all, "float", "float", Values::aFloat);
    typed(all, "char", "char", random -> (char) random.nextInt());
    typed(all, "string", "string", Values::aString);
    typed(all, "string at a boundary", "string", Values::stringAtBoundary);
    typed(all, "string in chunks", "string", random -> text(random, 0x8000 * (1 + random.nextInt(2)) - 2 + random.nextInt(5), random.nextInt(4)));
    typed(all, "string, any units", "string", random -> text(random, random.nextInt(40), 3));
    typed(all, "bytes", "bytes", random -> bytes(random, random.nextInt(60)));
    typed(all, "bytes at a boundary", "bytes", random -> bytes(random, pick(random, 0, 1, 14, 15, 16, 17, 255, 256, 1022, 1023, 1024, 1025)));
    typed(all, "bytes in chunks", "bytes", random -> bytes(random, pick(random, 4088, 4092, 4093, 4094, 4096, 8186, 8187, 8192, 0x8000, 0x10001)));
    typed(all, "char[]", "string", random -> text(random, random.nextInt(50), 2).toCharArray());
  }

  private static void values(List<Kind> all) {
    typed(all, "date, ms", "date", random -> new Date(pick(random, random.nextLong() >> 20, random.nextInt() * 1000L, -62135769600000L, 1L, -1L, 253402300799999L)));
    typed(all, "date, minutes", "date", random -> new Date(random.nextInt() * 60_000L));
    typed(all, "date, limits of minutes", "date", random -> new Date((pick(random, (long) Integer.MAX_VALUE, (long) Integer.MIN_VALUE, 0L) + random.nextInt(3) - 1) * 60_000L));
    typed(all, "BigDecimal", "decimal", Values::decimal);
    typed(all, "BigInteger", "bigInteger", random -> new BigInteger(random.nextInt(200), random).multiply(BigInteger.valueOf(random.nextInt(3) - 1)));
    typed(all, "enum", "Color", random -> pick(random, Color.RED, Color.GREEN, Color.BLUE));
    typed(all, "LocalDate", "localDate", Values::day);
    typed(all, "LocalTime", "localTime", Values::time);
    typed(all, "LocalDateTime", "localDateTime", random -> LocalDateTime.of(day(random), time(random)));
  }

  private static void collections(List<Kind> all) {
    typed(all, "List<String>", "list string", random -> list(random, 20, Values::aString));
    typed(all, "List<Integer>", "list int", random -> list(random, 20, Values::anInt));
    typed(all, "List<Long>", "list long", random -> list(random, 20, Values::aLong));
    typed(all, "List of lists", "list list double", random -> list(random, 9, inner -> list(inner, 9, Values::compactDouble)));
    any(all, "List<Object>", random -> list(random, 12, Values::scalar));
    any(all, "LinkedList", random -> new LinkedList<>(list(random, 12, Values::scalar)));
    any(all, "other lists", Values::otherList);
    any(all, "ArrayDeque", random -> new ArrayDeque<>(list(random, 12, Values::anInt)));
    any(all, "Iterator", random -> new Listed(list(random, 9, Values::anInt)));
    typed(all, "HashSet", "set string", random -> new HashSet<>(list(random, 12, Values::aString)));
    any(all, "other sets", Values::otherSet);
    typed(all, "HashMap<String, Long>", "map string long", random -> map(random, Values::aString, Values::aLong));
    typed(all, "HashMap<Integer, String>", "map int string", random -> map(random, Values::anInt, Values::aString));
    typed(all, "HashMap<Long, Double>", "map long double", random -> map(random, Values::aLong, Values::compactDouble));
    typed(all, "HashMap<Date, Object>", "map date any", random -> map(random, key -> new Date(key.nextInt() * 1000L), Values::aString));
    any(all, "HashMap, enum keys", random -> map(random, key -> pick(key, Color.values()), Values::scalar));
    any(all, "HashMap, decimal keys", random -> map(random, Values::decimal, Values::scalar));
    any(all, "HashMap, list keys", random -> map(random, key -> list(key, 4, Values::anInt), Values::scalar));
    any(all, "other maps", Values::otherMap);
    typed(all, "boolean[]", "array boolean", random -> { boolean[] them = new boolean[random.nextInt(12)]; for (int i = 0; i < them.length; i++) them[i] = random.nextBoolean(); return them; });
    typed(all, "short[]", "array short", random -> { short[] them = new short[random.nextInt(12)]; for (int i = 0; i < them.length; i++) them[i] = (short) random.nextInt(); return them; });
    typed(all, "int[]", "array int", random -> random.ints(random.nextInt(12)).toArray());
    typed(all, "long[]", "array long", random -> random.longs(random.nextInt(12)).toArray());
    typed(all, "double[]", "array double", random -> random.doubles(random.nextInt(12)).toArray());
    typed(all, "float[]", "array float", random -> { float[] them = new float[random.nextInt(12)]; for (int i = 0; i < them.length; i++) them[i] = aFloat(random); return them; });
    typed(all, "String[]", "array string", random -> array(random, String[]::new, Values::aString));
    typed(all, "Integer[]", "array Integer", random -> array(random, Integer[]::new, one -> one.nextInt(5) == 0 ? null : anInt(one)));
    typed(all, "Object[]", "array any", random -> array(random, Object[]::new, Values::aString));
    typed(all, "Date[]", "array date", random -> array(random, Date[]::new, one -> new Date(one.nextInt() * 1000L)));
    typed(all, "Color[]", "array Color", random -> array(random, Color[]::new, one -> pick(one, Color.values())));
    typed(all, "Everything[]", "array Everything", random -> array(random, Everything[]::new, Values::everything));
    typed(all, "int[][]", "array array int", random -> array(random, int[][]::new, one -> one.ints(one.nextInt(5)).toArray()));
    typed(all, "Tree[][]", "array array Tree", random -> array(random, Tree[][]::new, one -> array(one, Tree[]::new, Values::tree)));
  }

  private static void objects(List<Kind> all) {
    typed(all, "object", "Everything", Values::everything);
    typed(all, "object, all null", "Everything", random -> new Everything());
    typed(all, "objects", "list Everything", random -> list(random, 4, Values::everything));
    typed(all, "objects by name", "map string Everything", random -> map(random, Values::aString, Values::everything));
    typed(all, "circular object", "Tree", Values::tree);
    typed(all, "shared objects", "list Tree", random -> { Tree one = tree(random); return new ArrayList<>(List.of(one, tree(random), one)); });
    any(all, "shared lists", random -> { List<Object> one = list(random, 5, Values::scalar); return new ArrayList<>(List.of(one, one, list(random, 3, Values::scalar), one)); });
    any(all, "list in itself", random -> { List<Object> one = list(random, 5, Values::scalar); one.add(one); return one; });
    any(all, "map in itself", random -> { Map<Object, Object> one = map(random, Values::aString, Values::scalar); one.put("self", one); return one; });
    any(all, "int-keyed map in itself", random -> { Map<Object, Object> one = map(random, Values::anInt, Values::scalar); one.put(7, one); return one; });
    any(all, "anything, nested", random -> nested(random, 4));
    typed(all, "float fields", "Floats", random -> { Floats floats = new Floats(); floats.boxed = aFloat(random); floats.many = new float[] {aFloat(random)}; return floats; });
    all.add(new Kind(writtenOnly, "FloatField", false, random -> { FloatField field = new FloatField(); field.one = aFloat(random); return field; }));
    typed(all, "exception", "StockException", Values::stockException);
    any(all, "exceptions of Java", random -> pick(random, new IllegalStateException(aString(random)), new NullPointerException(), new IllegalArgumentException(aString(random), stockException(random)), new OutOfMemoryError("so much"), new java.io.IOException(aString(random)), new StackOverflowError()));
    any(all, "exceptions in a list", random -> { Throwable one = stockException(random); return new ArrayList<>(List.of(one, one)); });
  }

  private static void opaque(List<Kind> all) {
    opaque(all, "Instant", random -> Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000)));
    opaque(all, "Duration", random -> Duration.ofSeconds(random.nextLong() >> 10, random.nextInt(1_000_000_000)));
    opaque(all, "Period", random -> Period.of(random.nextInt(), random.nextInt(100), random.nextInt(100)));
    opaque(all, "Year", random -> Year.of(random.nextInt(9999)));
    opaque(all, "YearMonth", random -> YearMonth.of(random.nextInt(9999), 1 + random.nextInt(12)));
    opaque(all, "MonthDay", random -> MonthDay.of(1 + random.nextInt(12), 1 + random.nextInt(28)));
    opaque(all, "ZoneOffset", random -> ZoneOffset.ofHours(random.nextInt(37) - 18));
    opaque(all, "ZoneId", random -> ZoneId.of(pick(random, "Europe/Berlin", "Asia/Shanghai", "UTC")));
    opaque(all, "ZonedDateTime", random -> ZonedDateTime.of(day(random), time(random), ZoneId.of("Asia/Shanghai")));
    opaque(all, "OffsetDateTime", random -> OffsetDateTime.of(day(random), time(random), ZoneOffset.ofHours(random.nextInt(9))));
    opaque(all, "OffsetTime", random -> OffsetTime.of(time(random), ZoneOffset.ofHours(random.nextInt(9))));
    opaque(all, "UUID", random -> new UUID(random.nextLong(), random.nextLong()));
    opaque(all, "URI", random -> URI.create("dubbo://h" + random.nextInt(99) + ":20880/a?b=" + random.nextInt()));
    opaque(all, "Locale", random -> pick(random, Locale.CHINA, Locale.ENGLISH, Locale.ROOT, Locale.forLanguageTag("de-AT")));
    opaque(all, "Class", random -> pick(random, String.class, int.class, Everything.class, int[].class));
    opaque(all, "Currency", random -> Currency.getInstance(pick(random, "EUR", "CNY")));
    opaque(all, "Timestamp", random -> new Timestamp(random.nextInt() * 1000L));
    opaque(all, "java.sql.Date", random -> new java.sql.Date(random.nextInt() * 1000L));
    opaque(all, "Calendar", random -> { Calendar calendar = new GregorianCalendar(TimeZone.getTimeZone("UTC")); calendar.setTimeInMillis(random.nextInt() * 1000L); return calendar; });
    opaque(all, "AtomicInteger", random -> new AtomicInteger(random.nextInt()));
    opaque(all, "AtomicLong", random -> new AtomicLong(random.nextLong()));
    opaque(all, "AtomicBoolean", random -> new AtomicBoolean(random.nextBoolean()));
    opaque(all, "AtomicReference", random -> new AtomicReference<>(aString(random)));
    opaque(all, "LongAdder", random -> { LongAdder adder = new LongAdder(); adder.add(random.nextLong()); return adder; });
    opaque(all, "BitSet", random -> BitSet.valueOf(new long[] {random.nextLong()}));
    opaque(all, "EnumSet", random -> EnumSet.of(pick(random, Color.values()), Color.BLUE));
    opaque(all, "InetAddress", random -> { try { return InetAddress.getByAddress(bytes(random, 4)); } catch (Exception error) { throw new IllegalStateException(error); } });
    opaque(all, "StringBuilder", random -> new StringBuilder(aString(random)));
    opaque(all, "shared values", random -> { UUID one = new UUID(random.nextLong(), 1); Instant two = Instant.ofEpochMilli(random.nextLong() >> 20); return new ArrayList<>(List.of(one, two, one, two, decimal(random))); });
  }

  private static int anInt(Random random) {
    return random.nextBoolean() ? random.nextInt() : intAtBoundary(random);
  }

  private static int intAtBoundary(Random random) {
    return pick(random, 0, -0x10, 0x2f, -0x800, 0x7ff, -0x40000, 0x3ffff, Integer.MIN_VALUE, Integer.MAX_VALUE) + random.nextInt(3) - 1;
  }

  private static long aLong(Random random) {
    return random.nextBoolean() ? random.nextLong() >> random.nextInt(64) : longAtBoundary(random);
  }

  private static long longAtBoundary(Random random) {
    return pick(random, 0L, -8L, 15L, -0x800L, 0x7ffL, -0x40000L, 0x3ffffL, (long) Integer.MIN_VALUE, (long) Integer.MAX_VALUE, 1L << 53, -(1L << 53), Long.MIN_VALUE, Long.MAX_VALUE) + random.nextInt(3) - 1;
  }

  private static double compactDouble(Random random) {
    return switch (random.nextInt(5)) {
      case 0 -> random.nextInt(3) - 1;
      case 1 -> (byte) random.nextInt();
      case 2 -> pick(random, -0x80, 0x7f, -0x8000, 0x7fff) + random.nextInt(3) - 1;
      case 3 -> random.nextInt() * 0.001;
      default -> random.nextInt() / 1000.0;
    };
  }

  private static double specialDouble(Random random) {
    return pick(random, 0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.MIN_VALUE, Double.MAX_VALUE, 0x1p53, 0x1p63, -0x1p31, 0x1p31, 2147483.647, -2147483.648, 1e21, 0.1, Float.MAX_VALUE * 1.0);
  }

  private static float aFloat(Random random) {
    float value = random.nextInt(3) == 0 ? random.nextInt(100) / 4f : Float.intBitsToFloat(random.nextInt());
    return Float.isNaN(value) ? Float.NaN : value;
  }

  private static String aString(Random random) {
    return text(random, random.nextInt(8) == 0 ? pick(random, 0, 31, 32, 33) : random.nextInt(12), random.nextInt(3));
  }

  private static String stringAtBoundary(Random random) {
    return text(random, pick(random, 0, 31, 255, 1023, 1024) + random.nextInt(3), random.nextInt(3));
  }

  /** Of so many UTF-16 units. Alphabet: ASCII, two and three bytes, beyond 16 bits, any units (lone surrogates too). */
  private static String text(Random random, int units, int alphabet) {
    StringBuilder text = new StringBuilder(units);
    while (text.length() < units) {
      if (alphabet == 0) text.append((char) (0x20 + random.nextInt(0x5f)));
      else if (alphabet == 1) text.append((char) (random.nextBoolean() ? 0x80 + random.nextInt(0x700) : 0x4e00 + random.nextInt(0x5000)));
      else if (alphabet == 3) text.append((char) random.nextInt());
      else if (text.length() + 2 <= units && random.nextInt(3) > 0) text.appendCodePoint(0x1f300 + random.nextInt(0x300));
      else text.append('a');
    }
    return text.toString();
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static BigDecimal decimal(Random random) {
    return new BigDecimal(new BigInteger(random.nextInt(120), random), random.nextInt(60) - 20).multiply(BigDecimal.valueOf(random.nextBoolean() ? 1 : -1));
  }

  private static LocalDate day(Random random) {
    return LocalDate.ofEpochDay(random.nextInt(8) == 0 ? random.nextInt() / 10 : random.nextInt(100_000) - 20_000);
  }

  private static LocalTime time(Random random) {
    return LocalTime.of(random.nextInt(24), random.nextInt(60), random.nextInt(60), pick(random, 0, random.nextInt(1_000_000_000), random.nextInt(1000) * 1_000_000));
  }

  private static Object scalar(Random random) {
    return switch (random.nextInt(11)) {
      case 0 -> null;
      case 1 -> random.nextBoolean();
      case 2 -> anInt(random);
      case 3 -> aLong(random);
      case 4 -> compactDouble(random);
      case 5 -> new Date(random.nextInt() * 1000L);
      case 6 -> bytes(random, random.nextInt(20));
      case 7 -> decimal(random);
      case 8 -> pick(random, Color.values());
      case 9 -> BigInteger.valueOf(random.nextLong());
      default -> aString(random);
    };
  }

  private static Object nested(Random random, int depth) {
    if (depth == 0) return scalar(random);
    return switch (random.nextInt(6)) {
      case 0 -> list(random, 5, one -> nested(one, depth - 1));
      case 1 -> map(random, Values::aString, one -> nested(one, depth - 1));
      case 2 -> map(random, Values::anInt, one -> nested(one, depth - 1));
      case 3 -> array(random, Object[]::new, one -> nested(one, depth - 1));
      case 4 -> everything(random);
      default -> scalar(random);
    };
  }

  private static Object otherList(Random random) {
    List<Object> list = list(random, 9, Values::anInt);
    return switch (random.nextInt(8)) {
      case 0 -> new Vector<>(list);
      case 1 -> new CopyOnWriteArrayList<>(list);
      case 2 -> Arrays.asList(list.toArray());
      case 3 -> List.copyOf(list);
      case 4 -> Collections.unmodifiableList(list);
      case 5 -> Collections.synchronizedList(list);
      case 6 -> Collections.emptyList();
      default -> Collections.singletonList(anInt(random));
    };
  }

  private static Object otherSet(Random random) {
    List<Object> list = list(random, 9, Values::anInt);
    return switch (random.nextInt(7)) {
      case 0 -> new LinkedHashSet<>(list);
      case 1 -> new TreeSet<>(list);
      case 2 -> Set.copyOf(list);
      case 3 -> Collections.unmodifiableSet(new HashSet<>(list));
      case 4 -> Collections.emptySet();
      case 5 -> ConcurrentHashMap.newKeySet();
      default -> Collections.singleton(anInt(random));
    };
  }

  private static Object otherMap(Random random) {
    Map<Object, Object> map = map(random, Values::aString, Values::anInt);
    return switch (random.nextInt(9)) {
      case 0 -> new LinkedHashMap<>(map);
      case 1 -> new TreeMap<>(map);
      case 2 -> new ConcurrentHashMap<>(map);
      case 3 -> new Hashtable<>(map);
      case 4 -> Map.copyOf(map);
      case 5 -> Collections.unmodifiableMap(map);
      case 6 -> Collections.emptyMap();
      case 7 -> new EnumMap<>(Map.of(Color.RED, 1, Color.BLUE, 2));
      default -> Collections.singletonMap("a", anInt(random));
    };
  }

  private static List<Object> list(Random random, int most, Function<Random, Object> make) {
    List<Object> list = new ArrayList<>();
    for (int left = most == 0 ? 0 : random.nextInt(most); left > 0; left--) list.add(make.apply(random));
    return list;
  }

  private static Map<Object, Object> map(Random random, Function<Random, Object> key, Function<Random, Object> value) {
    Map<Object, Object> map = new HashMap<>();
    for (int left = random.nextInt(8); left > 0; left--) map.put(key.apply(random), value.apply(random));
    return map;
  }

  private static <T> T[] array(Random random, IntFunction<T[]> create, Function<Random, Object> make) {
    T[] array = create.apply(random.nextInt(5));
    for (int i = 0; i < array.length; i++) {
      @SuppressWarnings("unchecked")
      T one = (T) make.apply(random);
      array[i] = one;
    }
    return array;
  }

  private static StockException stockException(Random random) {
    Throwable cause = random.nextBoolean() ? null : random.nextBoolean() ? new IllegalStateException("inner") : stockException(random);
    StockException error = new StockException(random.nextInt(5) == 0 ? null : aString(random), cause);
    error.code = anInt(random);
    error.reason = random.nextBoolean() ? null : aString(random);
    error.articles = strings(random);
    return error;
  }

  private static Tree tree(Random random) {
    Tree root = new Tree();
    root.name = aString(random);
    for (int left = random.nextInt(4); left > 0; left--) {
      Tree child = random.nextInt(3) == 0 ? tree(random) : new Tree();
      child.name = child.name == null ? aString(random) : child.name;
      child.parent = random.nextInt(4) == 0 ? null : root;
      root.children.add(child);
    }
    return root;
  }

  private static Everything everything(Random random) {
    Everything value = new Everything();
    value.id = aLong(random);
    value.note = random.nextBoolean() ? null : aString(random);
    value.flag = random.nextBoolean();
    value.small = (byte) random.nextInt();
    value.medium = (short) random.nextInt();
    value.count = anInt(random);
    value.price = compactDouble(random);
    value.letter = (char) random.nextInt();
    value.maybe = random.nextBoolean() ? null : random.nextBoolean();
    value.number = random.nextBoolean() ? null : (Integer) anInt(random);
    value.wide = random.nextBoolean() ? null : (Long) aLong(random);
    value.fraction = random.nextBoolean() ? null : (Double) compactDouble(random);
    value.text = aString(random);
    value.bytes = random.nextBoolean() ? null : bytes(random, random.nextInt(30));
    value.when = random.nextBoolean() ? null : new Date(random.nextLong() >> 20);
    value.balance = random.nextBoolean() ? null : decimal(random);
    value.day = random.nextBoolean() ? null : day(random);
    value.hour = random.nextBoolean() ? null : time(random);
    value.moment = random.nextBoolean() ? null : LocalDateTime.of(day(random), time(random));
    value.color = random.nextBoolean() ? null : pick(random, Color.values());
    value.tags = random.nextBoolean() ? null : strings(random);
    value.longs = random.nextBoolean() ? null : cast(list(random, 9, Values::aLong));
    value.set = random.nextBoolean() ? null : new HashSet<>(Values.<Integer>cast(list(random, 9, Values::anInt)));
    value.counts = random.nextBoolean() ? null : cast(map(random, Values::aString, Values::aLong));
    value.names = random.nextBoolean() ? null : cast(map(random, Values::anInt, Values::aString));
    value.ints = random.nextBoolean() ? null : random.ints(random.nextInt(9)).toArray();
    value.words = random.nextBoolean() ? null : array(random, String[]::new, Values::aString);
    value.colors = random.nextBoolean() ? null : array(random, Color[]::new, one -> pick(one, Color.values()));
    value.any = random.nextBoolean() ? null : random.nextBoolean() ? tree(random) : aString(random);
    value.tree = random.nextBoolean() ? null : tree(random);
    return value;
  }

  private static List<String> strings(Random random) {
    return cast(list(random, 5, Values::aString));
  }

  @SuppressWarnings("unchecked")
  private static <T> List<T> cast(List<?> list) {
    return (List<T>) list;
  }

  @SuppressWarnings("unchecked")
  private static <K, V> Map<K, V> cast(Map<?, ?> map) {
    return (Map<K, V>) map;
  }

  @SafeVarargs
  private static <T> T pick(Random random, T... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
