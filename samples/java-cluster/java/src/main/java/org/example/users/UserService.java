package org.example.users;

import java.util.List;

/** Served by Java. */
public interface UserService {
  /** Null for nobody. */
  User find(long id);

  List<User> all();

  void rename(long id, String name) throws UserException;
}
