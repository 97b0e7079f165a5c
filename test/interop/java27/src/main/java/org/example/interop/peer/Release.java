package org.example.interop.peer;

import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;

/** As the class of this name beside Dubbo 3, with the means of Dubbo 2.7. */
final class Release {
  private Release() {}

  /** Dubbo 2.7 registers interfaces, whatever it is told. */
  static void register(ApplicationConfig application, String mode) {}

  static void export(ServiceConfig<?> service, DubboBootstrap bootstrap) {
    service.setBootstrap(bootstrap);
    service.export();
  }

  static Object implementation(Class<?> type, String label) {
    throw new IllegalArgumentException("not served: " + type.getName());
  }

  static Map<String, Case> protoCases(References references) {
    return Map.of();
  }

  static Callable<String> whoAmI(Object service) {
    throw new IllegalArgumentException("no load on " + service);
  }

  static void send(String key, String value) {
    RpcContext.getContext().setAttachment(key, value);
  }

  static String answered(String key) {
    return RpcContext.getServerContext().getAttachment(key);
  }

  static String received(String key) {
    return RpcContext.getContext().getAttachment(key);
  }

  static void answer(String key, String value) {
    RpcContext.getServerContext().setAttachment(key, value);
  }
}
