package org.example.hessian;

import java.io.Serializable;

public class Floats implements Serializable {
  public Float boxed;
  public float[] many;
}
