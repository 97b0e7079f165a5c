package org.example.users;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

final class InMemoryUsers implements UserService {
  private final Map<Long, User> users = new ConcurrentSkipListMap<>();

  InMemoryUsers() {
    users.put(1L, new User(1, "Ada", Role.WRITER, LocalDate.of(1815, 12, 10), List.of("pioneer")));
    users.put(9007199254740993L, new User(9007199254740993L, "Grace 🚢", Role.READER, null, List.of()));
  }

  @Override
  public User find(long id) {
    return users.get(id);
  }

  @Override
  public List<User> all() {
    return new ArrayList<>(users.values());
  }

  @Override
  public void rename(long id, String name) throws UserException {
    User user = users.get(id);
    if (user == null) throw new UserException(id, "nobody has the id " + id);
    user.setName(name);
  }
}
