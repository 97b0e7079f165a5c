package org.example.hessian;

import java.io.Serializable;

public class Base implements Serializable {
  public long id;
  public String note;
  public transient String forgotten = "not sent";
}
