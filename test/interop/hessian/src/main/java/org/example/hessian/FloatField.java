package org.example.hessian;

import java.io.Serializable;

/**
 * Written only: reading it, hessian-lite 4.0.4 puts the eight bytes of a double where the four of a float are, over the
 * next field or the next object (FieldDeserializer2FactoryUnsafe.FloatFieldDeserializer).
 */
public class FloatField implements Serializable {
  public float one;
}
