package org.example.interop.peer;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.example.interop.InteropService;
import org.example.interop.VersionedService;

/** References, made when first needed. */
final class References {
  private final String protocol;
  private final Map<String, Object> made = new ConcurrentHashMap<>();

  References(String protocol) {
    this.protocol = protocol;
  }

  InteropService interop() throws Exception {
    InteropService service = made("interop", InteropService.class, config -> {
      MethodConfig inform = new MethodConfig();
      inform.setName("inform");
      inform.setReturn(false);
      config.setMethods(java.util.List.of(inform));
    });
    return awaited("interop!", service, service::whoAmI);
  }

  /** With a timeout of 500 ms. */
  InteropService impatient() throws Exception {
    InteropService service = made("impatient", InteropService.class, config -> config.setTimeout(500));
    return awaited("impatient!", service, service::whoAmI);
  }

  VersionedService versioned(String group, String version) throws Exception {
    String key = group + version;
    VersionedService service = made(key, VersionedService.class, config -> {
      config.setGroup(group);
      config.setVersion(version);
    });
    return awaited(key + "!", service, service::whoAmI);
  }

  <T> T made(String key, Class<?> type, Consumer<ReferenceConfig<T>> more) {
    @SuppressWarnings("unchecked")
    T service = (T) made.computeIfAbsent(key, name -> reference(type, more));
    return service;
  }

  private <T> T reference(Class<?> type, Consumer<ReferenceConfig<T>> more) {
    ReferenceConfig<T> config = new ReferenceConfig<>();
    config.setInterface(type);
    config.setProtocol(protocol);
    config.setCheck(false);
    config.setTimeout(8_000);
    config.setRetries(0);
    more.accept(config);
    return config.get();
  }

  /** Gives the service once the probe worked, which is tried for 10 s the first time. */
  <T> T awaited(String key, T service, Callable<?> probe) throws Exception {
    if (made.containsKey(key)) return service;
    waitFor(probe, 10_000);
    made.put(key, Boolean.TRUE);
    return service;
  }

  static void waitFor(Callable<?> probe, long ms) throws Exception {
    long until = System.nanoTime() + ms * 1_000_000;
    while (true) {
      try {
        probe.call();
        return;
      } catch (Exception error) {
        if (System.nanoTime() > until) throw error;
      }
      Sleep.ms(50);
    }
  }
}
