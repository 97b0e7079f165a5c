import { defineService, java, method } from "dubbo-ts";

/** A struct of Go, by the name that its `JavaClassName` gives and in the order of its fields. */
const Item = java.object("org.example.shop.Item", {
  sku: java.string(),
  name: java.string(),
  count: java.int(),
  priced: java.date().nullable(),
});

/** Served by Go (`go/main.go`). Go publishes a method under either case of its first letter. */
export const StockService = defineService("org.example.shop.StockService", {
  find: method([java.string()], Item.nullable()),
  reserve: method([java.string(), java.int()], java.int()),
});

/** Served here, called by Go. */
export const PriceService = defineService("org.example.shop.PriceService", {
  price: method([java.string(), java.int()], java.decimal()),
});
