package org.example.hessian;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** Knows its parent, so that it contains itself. */
public class Tree implements Serializable {
  public String name;
  public Tree parent;
  public List<Tree> children = new ArrayList<>();
}
