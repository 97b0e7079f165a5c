package org.example.hessian;

import com.alibaba.com.caucho.hessian.io.Hessian2Input;
import com.alibaba.com.caucho.hessian.io.Hessian2Output;
import com.alibaba.com.caucho.hessian.io.SerializerFactory;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Java's side of the comparison. {@code generate seed count} prints seeded random values, one a line: kind, how to
 * compare, declared type, description, description after Java has read its own bytes, bytes in hex. {@code read}
 * answers each line of stdin, {@code exact} or {@code any} and bytes, with a description and the bytes that Java makes of it again.
 */
public final class Main {
  private static final SerializerFactory factory = new SerializerFactory();
  private static final HexFormat hex = HexFormat.of();

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err);
    if (args[0].equals("generate")) generate(out, Long.parseLong(args[1]), Integer.parseInt(args[2]));
    else read(out);
    out.flush();
  }

  private static void generate(PrintStream out, long seed, int count) throws IOException {
    for (int index = 0; index < count; index++) {
      Values.Sample sample = Values.sample(seed, index);
      String text = Description.of(sample.value(), false); // first: an Iterator can be read once
      byte[] bytes = write(sample.value());
      String self = sample.kind().equals(Values.writtenOnly) ? "!" : attempt(bytes, false)[0];
      out.println(String.join("\t", sample.kind(), sample.isOpaque() ? "again" : "value", sample.type(),
          text, self, hex.formatHex(bytes)));
    }
  }

  private static void read(PrintStream out) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split("\t");
      out.println(String.join("\t", attempt(hex.parseHex(words[1]), words[0].equals("exact"))));
    }
  }

  /** A description and the bytes written again, or {@code !} and why there are none. */
  private static String[] attempt(byte[] bytes, boolean exact) {
    try {
      Hessian2Input input = new Hessian2Input(new ByteArrayInputStream(bytes));
      input.setSerializerFactory(factory);
      Object value = input.readObject();
      return new String[] {Description.of(value, exact), hex.formatHex(write(value))};
    } catch (Throwable error) {
      return new String[] {("!" + error).replaceAll("[\\t\\r\\n]+", " "), ""};
    }
  }

  private static byte[] write(Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Hessian2Output output = new Hessian2Output(bytes);
    output.setSerializerFactory(factory);
    output.writeObject(value);
    output.flush();
    return bytes.toByteArray();
  }
}
