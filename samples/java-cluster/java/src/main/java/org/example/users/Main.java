package org.example.users;

import java.time.LocalDate;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/** {@code provider} serves the users until it is stopped, {@code consumer} asks Node to invite one; then a registry's address. */
public final class Main {
  public static void main(String[] args) {
    Logger.getLogger("").setLevel(Level.WARNING); // the Nacos client's gRPC logs there
    String role = args.length > 0 ? args[0] : "provider";
    String registry = args.length > 1 ? args[1] : "nacos://127.0.0.1:8848";
    ApplicationConfig application = new ApplicationConfig("java-" + role);
    application.setRegisterMode("instance"); // as an application; the default registers each interface, too
    application.setQosEnable(false); // else each process wants port 22222
    DubboBootstrap bootstrap = DubboBootstrap.getInstance().application(application).registry(new RegistryConfig(registry));
    if (role.equals("provider")) provide(bootstrap);
    else consume(bootstrap);
  }

  private static void provide(DubboBootstrap bootstrap) {
    ServiceConfig<UserService> users = new ServiceConfig<>();
    users.setInterface(UserService.class);
    users.setRef(new InMemoryUsers());
    bootstrap.protocol(new ProtocolConfig("dubbo", -1)).service(users).start(); // -1: a free port
    System.out.println("users are served");
    bootstrap.await();
  }

  private static void consume(DubboBootstrap bootstrap) {
    ReferenceConfig<InviteService> reference = new ReferenceConfig<>();
    reference.setInterface(InviteService.class);
    reference.setTimeout(5000);
    bootstrap.reference(reference).start();
    User user = new User(2, "Linus", Role.READER, LocalDate.of(1969, 12, 28), List.of("kernel"));
    System.out.println(reference.get().invite(user));
    bootstrap.stop();
    System.exit(0);
  }
}
