package org.example.interop.peer;

import com.alibaba.fastjson2.JSONObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** One JSON object a line: commands in, answers out. */
final class Commands {
  /** What answers a command; null is a plain success. */
  interface Handler {
    Map<String, ?> handle(JSONObject command) throws Exception;
  }

  private final PrintStream out;
  private final ExecutorService threads = Executors.newCachedThreadPool(Commands::daemon);

  Commands(PrintStream out) {
    this.out = out;
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "command");
    thread.setDaemon(true);
    return thread;
  }

  void say(Map<String, ?> message) {
    String line = new JSONObject(message).toString();
    synchronized (out) {
      out.println(line);
      out.flush();
    }
  }

  /** Until stdin ends. */
  void serve(Handler handler) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JSONObject command = JSONObject.parseObject(line);
      if ("stop".equals(command.getString("do"))) return;
      threads.execute(() -> answer(command, handler));
    }
  }

  private void answer(JSONObject command, Handler handler) {
    JSONObject answer = new JSONObject();
    answer.put("id", command.get("id"));
    answer.put("ok", true);
    try {
      Map<String, ?> more = handler.handle(command);
      if (more != null) answer.putAll(more);
    } catch (Throwable error) {
      answer.put("ok", false);
      answer.put("detail", Failures.text(error));
    }
    say(answer);
  }
}
