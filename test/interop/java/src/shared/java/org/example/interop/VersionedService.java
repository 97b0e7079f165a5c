package org.example.interop;

public interface VersionedService {
  String whoAmI();
}
