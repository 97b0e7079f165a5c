package org.example.interop.peer;

import static org.example.interop.peer.Case.check;
import static org.example.interop.peer.Case.same;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.service.EchoService;
import org.apache.dubbo.rpc.service.GenericException;
import org.apache.dubbo.rpc.service.GenericService;
import org.example.interop.Color;
import org.example.interop.InteropService;
import org.example.interop.Node;
import org.example.interop.OrderException;
import org.example.interop.Person;

/** The suite `calls`. */
final class CallCases {
  private final References references;
  private final boolean triple;

  private CallCases(References references, boolean triple) {
    this.references = references;
    this.triple = triple;
  }

  static Map<String, Case> all(References references, boolean triple) {
    CallCases of = new CallCases(references, triple);
    Map<String, Case> all = new LinkedHashMap<>();
    of.addPlain(all);
    of.addObjects(all);
    of.addSpecial(all);
    return all;
  }

  private InteropService service() throws Exception {
    return references.interop();
  }

  private void addPlain(Map<String, Case> all) {
    all.put("string.empty", () -> same(service().echoString(""), ""));
    all.put("string.long", () -> same(service().echoString(Samples.longText()), Samples.longText()));
    String astral = "a😀中 𝄞 é\u0000\n";
    all.put("string.astral", () -> same(service().echoString(astral), astral));
    all.put("int", () -> {
      for (int value : new int[] {Integer.MIN_VALUE, Integer.MAX_VALUE, 0, -1}) same(service().echoInt(value), value);
    });
    all.put("long", () -> {
      for (long value : new long[] {Long.MIN_VALUE, Long.MAX_VALUE, 0, -1}) same(service().echoLong(value), value);
    });
    all.put("double", () -> {
      for (double value : new double[] {0.1, -1e300, 5e-324}) same(service().echoDouble(value), value);
    });
    all.put("boolean", () -> {
      same(service().echoBoolean(true), true);
      same(service().echoBoolean(false), false);
    });
    all.put("decimal", () -> {
      same(service().add(new BigDecimal("0.1"), new BigDecimal("0.2")), new BigDecimal("0.3"));
      BigDecimal big = new BigDecimal("12345678901234567890.123456789");
      same(service().add(big, new BigDecimal("0.000000001")), new BigDecimal("12345678901234567890.123456790"));
    });
    all.put("date", () -> {
      for (long ms : new long[] {0, 1_700_000_000_123L, -62_135_769_600_000L})
        same(service().echoDate(new Date(ms)), new Date(ms));
    });
    all.put("enum", () -> {
      for (Color color : Color.values())
        same(service().nextColor(color), Color.values()[(color.ordinal() + 1) % Color.values().length]);
    });
    all.put("bytes", () -> {
      same(service().echoBytes(Samples.bytes(1 << 20)), Samples.bytes(1 << 20));
      same(service().echoBytes(new byte[0]), new byte[0]);
    });
  }

  private void addObjects(Map<String, Case> all) {
    all.put("pojo.nested", () -> {
      Person person = Samples.person(1, Samples.person(2, Samples.person(3, null)));
      same(Samples.text(service().echoPerson(person)), Samples.text(person));
    });
    all.put("pojo.nulls", () -> {
      Person person = Samples.person(1, null);
      person.setAddress(null);
      person.setPlaces(null);
      person.setBorn(null);
      same(Samples.text(service().echoPerson(person)), Samples.text(person));
    });
    all.put("pojo.circular", () -> {
      Node root = service().echoNode(Samples.tree());
      same(root.getName() + root.getChildren().size(), "root2");
      for (Node child : root.getChildren()) check(child.getParent() == root, child.getName() + " has another parent");
    });
    all.put("list.pojo", () -> {
      Person twice = Samples.person(2, null);
      List<Person> people = service().echoPeople(new ArrayList<>(List.of(Samples.person(1, null), twice, twice)));
      same(people.stream().map(Samples::text).toList(), List.of(Samples.text(Samples.person(1, null)), Samples.text(twice), Samples.text(twice)));
    });
    all.put("map.pojo", () -> {
      Map<String, Person> sent = new HashMap<>();
      sent.put("one", Samples.person(1, null));
      sent.put("二", Samples.person(2, null));
      Map<String, Person> back = service().echoPlaces(sent);
      same(back.size(), 2);
      for (String key : sent.keySet()) same(Samples.text(back.get(key)), Samples.text(sent.get(key)));
    });
    all.put("list.empty", () -> same(service().echoPeople(new ArrayList<>()), List.of()));
    all.put("null.argument", () -> {
      same(service().describe(null), "null");
      same(service().echoPerson(null), null);
    });
    all.put("null.result", () -> {
      same(service().findPerson(0), null);
      same(service().findPerson(7).getName(), "p7");
    });
  }

  private void addSpecial(Map<String, Case> all) {
    all.put("void", () -> {
      String token = UUID.randomUUID().toString();
      service().touch(token);
      same(service().noted(token), true);
    });
    all.put("exception.checked", this::checkedException);
    all.put("exception.runtime", this::runtimeException);
    all.put("timeout", this::timeout);
    all.put("attachment.request", () -> same(attachment(), "v 1"));
    all.put("attachment.response", () -> {
      attachment();
      same(Release.answered("interop-answer"), "got v 1");
    });
    all.put("group-version", () -> {
      same(references.versioned("blue", "1.2.3").whoAmI().replaceFirst("^\\S+ ", ""), "blue 1.2.3");
      same(references.versioned("green", "2.0.0").whoAmI().replaceFirst("^\\S+ ", ""), "green 2.0.0");
    });
    all.put("generic", this::generic);
    all.put("echo", () -> same(((EchoService) service()).$echo("anybody?"), "anybody?"));
    all.put("oneway", () -> {
      String token = UUID.randomUUID().toString();
      service().inform(token);
      References.waitFor(() -> {
        same(service().noted(token), true);
        return null;
      }, 10_000);
    });
  }

  private void checkedException() throws Exception {
    try {
      service().fail("checked", "no 中文 left");
    } catch (OrderException error) {
      same(error.getMessage() + "|" + error.getCode() + "|" + error.getReason(), "no 中文 left|42|out of stock");
      return;
    }
    throw new AssertionError("no exception");
  }

  private void runtimeException() throws Exception {
    try {
      service().fail("runtime", "line one\nline two");
    } catch (IllegalStateException error) {
      same(error.getMessage(), "line one\nline two");
      return;
    }
    throw new AssertionError("no exception");
  }

  private void timeout() throws Exception {
    InteropService impatient = references.impatient();
    long begin = System.nanoTime();
    try {
      impatient.slow(3_000);
    } catch (RpcException error) {
      check(System.nanoTime() - begin < 2_000_000_000L, "too late: " + error);
      check(Failures.isTimeout(error), "another failure: " + error);
      same(impatient.echoInt(1), 1);
      return;
    }
    throw new AssertionError("no timeout");
  }

  private String attachment() throws Exception {
    InteropService service = service();
    Release.send("interop-key", "v 1");
    return service.attachment("interop-key");
  }

  private void generic() throws Exception {
    GenericService generic =
        references.made("generic", InteropService.class, (ReferenceConfig<GenericService> config) -> {
          config.setInterface(InteropService.class.getName());
          config.setGeneric("true");
        });
    References.waitFor(() -> generic.$invoke("whoAmI", new String[0], new Object[0]), 10_000);
    String type = Person.class.getName();
    Map<String, Object> sent = new HashMap<>(Map.of("class", type, "id", 9L, "name", "Ada")); // 2.7 cannot write Map.of
    Map<?, ?> person = (Map<?, ?>) generic.$invoke("echoPerson", new String[] {type}, new Object[] {sent});
    same(person.get("name") + "|" + person.get("id") + "|" + person.get("class"), "Ada|9|" + type);
    String decimal = BigDecimal.class.getName();
    Object sum = generic.$invoke("add", new String[] {decimal, decimal}, new Object[] {new BigDecimal("0.1"), new BigDecimal("0.2")});
    same(String.valueOf(sum), "0.3");
    String text = String.class.getName();
    try {
      generic.$invoke("fail", new String[] {text, text}, new Object[] {"checked", "no"});
    } catch (GenericException error) {
      same(error.getExceptionClass() + "|" + error.getExceptionMessage(), OrderException.class.getName() + "|no");
      return;
    }
    throw new AssertionError("no exception");
  }
}
