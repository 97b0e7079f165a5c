package org.example.interop.peer;

import java.math.BigDecimal;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.example.interop.Color;
import org.example.interop.InteropService;
import org.example.interop.Node;
import org.example.interop.OrderException;
import org.example.interop.Person;

/** Plain Java: what each method does is in the README beside the project. */
final class InteropServiceImpl implements InteropService {
  private final String label;
  private final Set<String> notes = ConcurrentHashMap.newKeySet();

  InteropServiceImpl(String label) {
    this.label = label;
  }

  @Override
  public String echoString(String value) {
    return value;
  }

  @Override
  public int echoInt(int value) {
    return value;
  }

  @Override
  public long echoLong(long value) {
    return value;
  }

  @Override
  public double echoDouble(double value) {
    return value;
  }

  @Override
  public boolean echoBoolean(boolean value) {
    return value;
  }

  @Override
  public BigDecimal add(BigDecimal left, BigDecimal right) {
    return left.add(right);
  }

  @Override
  public Date echoDate(Date value) {
    return value;
  }

  @Override
  public Color nextColor(Color value) {
    return Color.values()[(value.ordinal() + 1) % Color.values().length];
  }

  @Override
  public Person echoPerson(Person value) {
    return value;
  }

  @Override
  public Node echoNode(Node value) {
    return value;
  }

  @Override
  public List<Person> echoPeople(List<Person> value) {
    return value;
  }

  @Override
  public Map<String, Person> echoPlaces(Map<String, Person> value) {
    return value;
  }

  @Override
  public Person findPerson(long id) {
    if (id == 0) return null;
    Person person = new Person();
    person.setId(id);
    person.setName("p" + id);
    return person;
  }

  @Override
  public String describe(String value) {
    return value == null ? "null" : "text:" + value;
  }

  @Override
  public void touch(String value) {
    notes.add(value);
  }

  @Override
  public byte[] echoBytes(byte[] value) {
    return value;
  }

  @Override
  public String fail(String kind, String message) throws OrderException {
    if (kind.equals("checked")) throw new OrderException(message, 42, "out of stock");
    throw new IllegalStateException(message);
  }

  @Override
  public String slow(int ms) {
    Sleep.ms(ms);
    return "slept";
  }

  @Override
  public String attachment(String key) {
    String value = Release.received(key);
    Release.answer("interop-answer", "got " + value);
    return value == null ? "" : value;
  }

  @Override
  public void inform(String value) {
    notes.add(value);
  }

  @Override
  public boolean noted(String value) {
    return notes.contains(value);
  }

  @Override
  public String whoAmI() {
    return label;
  }
}
