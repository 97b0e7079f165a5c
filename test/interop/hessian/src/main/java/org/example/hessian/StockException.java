package org.example.hessian;

import java.util.List;

public class StockException extends Exception {
  public int code;
  public String reason;
  public List<String> articles;

  public StockException(String message, Throwable cause) {
    super(message, cause);
  }
}
