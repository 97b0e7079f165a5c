package org.example.users;

import java.io.Serializable;
import java.time.LocalDate;
import java.util.List;

public class User implements Serializable {
  private long id;
  private String name;
  private Role role;
  private LocalDate born;
  private List<String> tags;

  public User() {}

  public User(long id, String name, Role role, LocalDate born, List<String> tags) {
    this.id = id;
    this.name = name;
    this.role = role;
    this.born = born;
    this.tags = tags;
  }

  public long getId() {
    return id;
  }

  public void setId(long id) {
    this.id = id;
  }

  public String getName() {
    return name;
  }

  public void setName(String name) {
    this.name = name;
  }

  public Role getRole() {
    return role;
  }

  public void setRole(Role role) {
    this.role = role;
  }

  public LocalDate getBorn() {
    return born;
  }

  public void setBorn(LocalDate born) {
    this.born = born;
  }

  public List<String> getTags() {
    return tags;
  }

  public void setTags(List<String> tags) {
    this.tags = tags;
  }
}
