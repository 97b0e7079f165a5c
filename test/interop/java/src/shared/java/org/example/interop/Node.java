package org.example.interop;

import java.io.Serializable;
import java.util.List;

public class Node implements Serializable {
  private static final long serialVersionUID = 1L;

  private String name;
  private Node parent;
  private List<Node> children;

  public String getName() {
    return name;
  }

  public void setName(String name) {
    this.name = name;
  }

  public Node getParent() {
    return parent;
  }

  public void setParent(Node parent) {
    this.parent = parent;
  }

  public List<Node> getChildren() {
    return children;
  }

  public void setChildren(List<Node> children) {
    this.children = children;
  }
}
