package org.example.hessian;

/** One of its constants is of a class of its own. */
public enum Color {
  RED,
  GREEN {
    @Override
    public String toString() {
      return "grass";
    }
  },
  BLUE
}
