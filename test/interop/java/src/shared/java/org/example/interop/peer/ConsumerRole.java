package org.example.interop.peer;

import com.alibaba.fastjson2.JSONObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

final class ConsumerRole implements Commands.Handler {
  private final References references;
  private final Map<String, Map<String, Case>> suites;
  private final Map<String, Load> loads = new ConcurrentHashMap<>();

  ConsumerRole(Settings settings) {
    DubboBootstrap.getInstance().application(settings.application()).registry(settings.registry()).start();
    references = new References(settings.protocol());
    boolean triple = settings.is("protocol", "tri");
    suites =
        Map.of(
            "calls", CallCases.all(references, triple),
            "proto", triple ? Release.protoCases(references) : Map.of());
  }

  @Override
  public Map<String, ?> handle(JSONObject command) throws Exception {
    String type = command.getString("interface");
    if (type == null) type = "org.example.interop.InteropService";
    switch (command.getString("do")) {
      case "cases" -> {
        return Map.of("calls", List.copyOf(suites.get("calls").keySet()), "proto", List.copyOf(suites.get("proto").keySet()));
      }
      case "case" -> suites.get(command.getString("suite")).get(command.getString("name")).run();
      case "load" -> loads.put(type, Load.start(references, type, command));
      case "loadStop" -> {
        return loads.remove(type).stop();
      }
      default -> throw new IllegalArgumentException("a consumer does not know " + command);
    }
    return null;
  }
}
