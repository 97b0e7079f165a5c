package org.example.hessian;

import java.util.Iterator;
import java.util.List;

/** An Iterator that can be described before it is used up. */
record Listed(List<Object> list, Iterator<Object> left) implements Iterator<Object> {
  Listed(List<Object> list) {
    this(list, list.iterator());
  }

  @Override
  public boolean hasNext() {
    return left.hasNext();
  }

  @Override
  public Object next() {
    return left.next();
  }
}
