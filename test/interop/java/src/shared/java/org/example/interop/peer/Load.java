package org.example.interop.peer;

import com.alibaba.fastjson2.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.dubbo.config.ReferenceConfig;
import org.example.interop.ExtraService;
import org.example.interop.InteropService;

/** Calls `whoAmI` at a steady rate, and counts. */
final class Load {
  private final ScheduledExecutorService ticks = Executors.newSingleThreadScheduledExecutor();
  private final ExecutorService threads = Executors.newFixedThreadPool(32);
  private final long begin = System.nanoTime();
  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private final List<String> errors = new ArrayList<>();
  private final Map<String, AtomicInteger> labels = new ConcurrentHashMap<>();

  static Load start(References references, String type, JSONObject command) throws Exception {
    Callable<String> call = call(references, type, command.getInteger("retries"));
    References.waitFor(call, 30_000);
    Load load = new Load();
    long period = 1_000_000 / command.getIntValue("perSecond");
    load.ticks.scheduleAtFixedRate(() -> load.threads.execute(() -> load.one(call)), 0, period, TimeUnit.MICROSECONDS);
    return load;
  }

  private static Callable<String> call(References references, String type, Integer retries) {
    Object service =
        references.made(
            "load " + type + retries,
            ProviderRole.type(type),
            (ReferenceConfig<Object> config) -> {
              config.setTimeout(3_000);
              config.setRetries(retries); // null is the library's default
            });
    if (service instanceof InteropService interop) return interop::whoAmI;
    if (service instanceof ExtraService extra) return extra::whoAmI;
    return Release.whoAmI(service);
  }

  private void one(Callable<String> call) {
    calls.incrementAndGet();
    try {
      labels.computeIfAbsent(call.call(), label -> new AtomicInteger()).incrementAndGet();
    } catch (Throwable error) {
      failed.incrementAndGet();
      synchronized (errors) {
        if (errors.size() < 20) errors.add((System.nanoTime() - begin) / 1_000_000 + " " + Failures.text(error));
      }
    }
  }

  Map<String, ?> stop() throws InterruptedException {
    ticks.shutdown();
    ticks.awaitTermination(10, TimeUnit.SECONDS);
    threads.shutdown();
    threads.awaitTermination(20, TimeUnit.SECONDS);
    return Map.of("calls", calls.get(), "failed", failed.get(), "errors", errors, "byLabel", labels);
  }
}
