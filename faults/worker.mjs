import { defineService, java, method } from "dubbo-ts";

/** What the providers serve and the consumer calls. */
export const Worker = defineService("org.example.Worker", { whoAmI: method([], java.int()) });
