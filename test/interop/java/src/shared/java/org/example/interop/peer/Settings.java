package org.example.interop.peer;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.RegistryConfig;

/** The JSON object that the process was started with. */
record Settings(JSONObject json) {
  String text(String key, String fallback) {
    String value = json.getString(key);
    return value == null ? fallback : value;
  }

  boolean is(String key, String value) {
    return value.equals(json.getString(key));
  }

  String protocol() {
    return text("protocol", "dubbo");
  }

  JSONArray services() {
    return json.getJSONArray("services");
  }

  ApplicationConfig application() {
    ApplicationConfig application = new ApplicationConfig(json.getString("application"));
    application.setMetadataType(text("metadata", "local"));
    Release.register(application, text("registerMode", "instance"));
    application.setQosEnable(false); // else every process opens port 22222
    return application;
  }

  RegistryConfig registry() {
    RegistryConfig registry = new RegistryConfig(json.getString("registry"));
    registry.setTimeout(10_000);
    return registry;
  }
}
