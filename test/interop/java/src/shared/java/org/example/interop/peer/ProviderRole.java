package org.example.interop.peer;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.example.interop.ExtraService;
import org.example.interop.InteropService;
import org.example.interop.VersionedService;

final class ProviderRole implements Commands.Handler {
  private final Settings settings;
  private final DubboBootstrap bootstrap = DubboBootstrap.getInstance();
  private final Map<String, ServiceConfig<?>> exported = new ConcurrentHashMap<>();

  ProviderRole(Settings settings) {
    this.settings = settings;
    ProtocolConfig protocol = new ProtocolConfig(settings.protocol(), settings.json().getIntValue("port"));
    bootstrap.application(settings.application()).registry(settings.registry()).protocol(protocol);
    for (Object service : settings.services()) bootstrap.service(config((JSONObject) service));
    bootstrap.start();
  }

  @Override
  public Map<String, ?> handle(JSONObject command) {
    switch (command.getString("do")) {
      case "export" -> Release.export(config(command), bootstrap);
      case "unexport" -> exported.remove(key(command)).unexport();
      default -> throw new IllegalArgumentException("a provider does not know " + command);
    }
    return null;
  }

  private ServiceConfig<Object> config(JSONObject service) {
    String group = service.getString("group");
    String version = service.getString("version");
    ServiceConfig<Object> config = new ServiceConfig<>();
    Class<?> type = type(service.getString("interface"));
    config.setInterface(type);
    config.setRef(implementation(type, group, version));
    config.setId(key(service)); // 2.7 takes two of one interface for the same
    config.setGroup(group);
    config.setVersion(version);
    config.setWeight(Integer.parseInt(settings.text("weight", "100")));
    config.setWarmup(1); // a young provider gets its share of the calls
    exported.put(key(service), config);
    return config;
  }

  private static String key(JSONObject service) {
    return service.getString("interface") + service.getString("group") + service.getString("version");
  }

  static Class<?> type(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException error) {
      throw new IllegalArgumentException("no such interface: " + name, error);
    }
  }

  private Object implementation(Class<?> type, String group, String version) {
    String label = settings.text("label", "java");
    if (type == InteropService.class) return new InteropServiceImpl(label);
    if (type == ExtraService.class) return (ExtraService) () -> label;
    if (type == VersionedService.class)
      return (VersionedService) () -> label + " " + group + " " + version;
    return Release.implementation(type, label);
  }
}
