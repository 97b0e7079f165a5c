package org.example.interop;

public enum Color {
  RED,
  GREEN,
  BLUE
}
