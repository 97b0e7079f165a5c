// The same providers registered in both ways, and what is then in the store: names and values, as they are kept there.
import { DisposalScope } from "@dubbo-ts/core";
import { createInterfacePublisher, createServicePublisher } from "@dubbo-ts/discovery";
import { MetadataStore } from "@dubbo-ts/metadata";
import { serviceOf } from "../discovery/lib.mjs";
import { instanceAt } from "../lib/instance.mjs";
import { connect, eachOf, runtime } from "./lib.mjs";
import { storedBytes } from "./stored-bytes.mjs";

const application = "bench-provider";
/** As many as interfaces in use have: Dubbo 2 writes them into each URL. */
const methods =
  "create,update,cancel,findById,findAll,findByCustomer,search,count,ship,refund,history,export".split(",");

export async function measureBytes(store, server, { instances, interfaces }) {
  const names = Array.from({ length: interfaces }, (_, at) => `org.example.orders.OrderService${at}`);
  const scope = new DisposalScope();
  try {
    const count = () => storedBytes(store, server, { application, interfaces: names });
    const before = await count();
    const publish = (make) => eachOf(instances, 4, (at) => publishOne(store, server, scope, at, names, make));
    await publish(byApplication);
    const after = await count();
    await publish(byInterface);
    const both = await count();
    return { instances, interfaces, application: after - before, byInterface: both - after };
  } finally {
    await scope[Symbol.asyncDispose]();
  }
}

/** A provider with a connection of its own. */
async function publishOne(store, server, scope, index, names, make) {
  const backend = scope.use(await connect(store, server));
  const { host, port, ports, metadataService, startedAtMs } = instanceAt(application, index);
  const publisher = scope.use(
    make(backend, { application, host, check: true, startTimeoutMs: 600_000, runtime }),
  );
  const services = names.map((name) => ({ ...serviceOf(name), methods }));
  await publisher.publish({ services, port, ports, metadataService, startedAtMs });
}

function byApplication({ registry, metadataReport }, options) {
  return createServicePublisher({
    ...options,
    registries: [registry],
    reports: [metadataReport],
    storage: "remote",
    metadataStore: new MetadataStore(),
  });
}

function byInterface({ interfaces }, options) {
  return createInterfacePublisher({ ...options, registries: [interfaces] });
}
