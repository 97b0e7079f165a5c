package org.example.interop.peer;

import com.alibaba.fastjson2.JSONObject;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** A peer: provider or consumer, as its only argument says. The README of the folder above is its contract. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err);
    Settings settings = new Settings(JSONObject.parseObject(arguments[0]));
    System.setProperty("user.home", settings.text("directory", "."));
    System.setProperty("JM.LOG.PATH", settings.text("directory", "."));
    System.setProperty(
        "dubbo.application.service-discovery.migration", settings.text("migration", "FORCE_APPLICATION"));
    Commands commands = new Commands(out);
    try {
      Commands.Handler handler =
          settings.is("role", "provider") ? new ProviderRole(settings) : new ConsumerRole(settings);
      commands.say(Map.of("event", "ready"));
      commands.serve(handler);
    } catch (Throwable error) {
      error.printStackTrace();
      commands.say(Map.of("event", "failed", "detail", Failures.text(error)));
      System.exit(1);
    }
    System.exit(0); // dubbo's own hook leaves in order, as on SIGTERM
  }
}
