package org.example.users;

/** Served by Node. */
public interface InviteService {
  String invite(User user);
}
