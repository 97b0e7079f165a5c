package org.example.hessian;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A field of each type that a service may declare. */
public class Everything extends Base {
  public boolean flag;
  public byte small;
  public short medium;
  public int count;
  public double price;
  public char letter;
  public Boolean maybe;
  public Integer number;
  public Long wide;
  public Double fraction;
  public String text;
  public byte[] bytes;
  public Date when;
  public BigDecimal balance;
  public LocalDate day;
  public LocalTime hour;
  public LocalDateTime moment;
  public Color color;
  public List<String> tags;
  public List<Long> longs;
  public Set<Integer> set;
  public Map<String, Long> counts;
  public Map<Integer, String> names;
  public int[] ints;
  public String[] words;
  public Color[] colors;
  public Object any;
  public Tree tree;
}
