package org.example.interop.peer;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.example.interop.Address;
import org.example.interop.Color;
import org.example.interop.Node;
import org.example.interop.Person;

/** The values that cases send. */
final class Samples {
  private Samples() {}

  static String longText() {
    StringBuilder text = new StringBuilder(102_400);
    while (text.length() < 102_400) text.append("x中");
    return text.toString();
  }

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) bytes[i] = (byte) (i * 31 & 255);
    return bytes;
  }

  static Address address(String city) {
    Address address = new Address();
    address.setCity(city);
    address.setZip("0" + city.length());
    return address;
  }

  static Person person(long id, Person friend) {
    Person person = new Person();
    person.setId(id);
    person.setName("名字 " + id);
    person.setAge(40);
    person.setActive(true);
    person.setScore(0.25);
    person.setColor(Color.GREEN);
    person.setBalance(new BigDecimal("12.30"));
    person.setBorn(new Date(1_700_000_000_123L));
    person.setPhoto(bytes(10));
    person.setTags(new ArrayList<>(List.of("a", "😀")));
    person.setAddress(address("Köln"));
    person.setAddresses(new ArrayList<>(List.of(address("A"), address("B"))));
    person.setPlaces(new LinkedHashMap<>(Map.of("home", address("Home"))));
    person.setFriend(friend);
    return person;
  }

  static Node tree() {
    Node root = new Node();
    root.setName("root");
    root.setChildren(new ArrayList<>());
    for (String name : List.of("left", "right")) {
      Node child = new Node();
      child.setName(name);
      child.setParent(root);
      root.getChildren().add(child);
    }
    return root;
  }

  /** Text that tells two values apart, whatever collections they are made of. */
  static String text(Person person) {
    if (person == null) return "null";
    return String.join(
        "|",
        String.valueOf(person.getId()),
        person.getName(),
        String.valueOf(person.getAge()),
        String.valueOf(person.isActive()),
        String.valueOf(person.getScore()),
        String.valueOf(person.getColor()),
        String.valueOf(person.getBalance()),
        person.getBorn() == null ? "null" : String.valueOf(person.getBorn().getTime()),
        Arrays.toString(person.getPhoto()),
        String.valueOf(person.getTags()),
        text(person.getAddress()),
        person.getAddresses() == null ? "null" : person.getAddresses().stream().map(Samples::text).toList().toString(),
        person.getPlaces() == null ? "null" : person.getPlaces().keySet() + text(person.getPlaces().get("home")),
        text(person.getFriend()));
  }

  private static String text(Address address) {
    return address == null ? "null" : address.getCity() + "/" + address.getZip();
  }
}
