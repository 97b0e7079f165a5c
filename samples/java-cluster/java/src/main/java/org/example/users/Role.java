package org.example.users;

public enum Role {
  READER,
  WRITER
}
