package org.example.interop.peer;

final class Sleep {
  private Sleep() {}

  static void ms(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }
}
