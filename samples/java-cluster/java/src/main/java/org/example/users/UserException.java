package org.example.users;

public class UserException extends Exception {
  private long id;

  public UserException() {}

  public UserException(long id, String message) {
    super(message);
    this.id = id;
  }

  public long getId() {
    return id;
  }
}
