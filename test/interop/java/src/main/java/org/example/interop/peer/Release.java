package org.example.interop.peer;

import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;
import org.example.interop.proto.InteropProto;
import org.example.interop.proto.Item;

/** What only Dubbo 3 has, or has under another name: `java27` has a class like this one. */
final class Release {
  private Release() {}

  static void register(ApplicationConfig application, String mode) {
    application.setRegisterMode(mode);
  }

  /** Exports at run time. */
  static void export(ServiceConfig<?> service, DubboBootstrap bootstrap) {
    service.setScopeModel(bootstrap.getApplicationModel().getDefaultModule());
    service.export();
  }

  /** Of a service that Dubbo 2 does not know. */
  static Object implementation(Class<?> type, String label) {
    if (type == InteropProto.class) return new InteropProtoImpl(label);
    throw new IllegalArgumentException("not served: " + type.getName());
  }

  static Map<String, Case> protoCases(References references) {
    return ProtoCases.all(references);
  }

  /** The call `whoAmI` of a service that Dubbo 2 does not know. */
  static Callable<String> whoAmI(Object service) {
    if (service instanceof InteropProto proto) return () -> proto.whoAmI(Item.getDefaultInstance()).getText();
    throw new IllegalArgumentException("no load on " + service);
  }

  /** Sent with the next call of this thread. */
  static void send(String key, String value) {
    RpcContext.getClientAttachment().setAttachment(key, value);
  }

  /** Came back with the last call of this thread. */
  static String answered(String key) {
    return RpcContext.getClientResponseContext().getAttachment(key);
  }

  /** Came with the call that is served. */
  static String received(String key) {
    return RpcContext.getServerAttachment().getAttachment(key);
  }

  /** Goes back with the answer to the call that is served. */
  static void answer(String key, String value) {
    RpcContext.getServerResponseContext().setAttachment(key, value);
  }
}
