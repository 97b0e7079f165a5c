package org.example.interop;

public interface ExtraService {
  String whoAmI();
}
