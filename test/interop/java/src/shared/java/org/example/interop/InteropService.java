package org.example.interop;

import java.math.BigDecimal;
import java.util.Date;
import java.util.List;
import java.util.Map;

public interface InteropService {
  String echoString(String value);

  int echoInt(int value);

  long echoLong(long value);

  double echoDouble(double value);

  boolean echoBoolean(boolean value);

  BigDecimal add(BigDecimal left, BigDecimal right);

  Date echoDate(Date value);

  Color nextColor(Color value);

  Person echoPerson(Person value);

  Node echoNode(Node value);

  List<Person> echoPeople(List<Person> value);

  Map<String, Person> echoPlaces(Map<String, Person> value);

  Person findPerson(long id);

  String describe(String value);

  void touch(String value);

  byte[] echoBytes(byte[] value);

  String fail(String kind, String message) throws OrderException;

  String slow(int ms);

  String attachment(String key);

  void inform(String value);

  boolean noted(String value);

  String whoAmI();
}
