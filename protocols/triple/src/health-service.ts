import { type ServiceKey } from "@dubbo-ts/core";
import { WireReader, WireWriter } from "@dubbo-ts/rpc";
import type { handleServerStreamingCall, handleUnaryCall, Server, ServerWritableStream } from "@grpc/grpc-js";
import { Status } from "./status.js";

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const serving = 1;
const notServing = 2;
const serviceUnknown = 3;

interface Watcher {
  readonly service: string;
  readonly call: ServerWritableStream<Buffer, Buffer>;
  told: number;
}

const identity = (bytes: Buffer): Buffer => bytes;

/**
 * grpc.health.v1.Health. A service is known by its interface, by `group/interface:version`, as dubbo-go asks, and all
 * together by the empty name. That a provider is leaving is told to watchers by NOT_SERVING (peers G5).
 */
export class HealthService {
  readonly #services = new Map<string, number>();
  readonly #watchers = new Set<Watcher>();
  #leaving = false;

  register(server: Server): void {
    server.register("/grpc.health.v1.Health/Check", this.#check, identity, identity, "unary");
    server.register("/grpc.health.v1.Health/Watch", this.#watch, identity, identity, "serverStream");
  }

  /** @param change 1 for a service that is served from now on, -1 for one that is not any more. */
  count({ serviceInterface, text }: ServiceKey, change: 1 | -1): void {
    for (const name of new Set([serviceInterface, text])) {
      const count = (this.#services.get(name) ?? 0) + change;
      if (count > 0) this.#services.set(name, count);
      else this.#services.delete(name);
    }
    this.#tell();
  }

  /** From now on nothing is serving; calls are served nonetheless. */
  leave(): void {
    this.#leaving = true;
    this.#tell();
  }

  /** Ends all watches. */
  close(): void {
    for (const { call } of this.#watchers) call.end();
    this.#watchers.clear();
  }

  readonly #check: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    const service = serviceOf(call.request);
    const status = service === undefined ? serviceUnknown : this.#statusOf(service);
    if (status === serviceUnknown) callback({ code: Status.NOT_FOUND, details: "unknown service" });
    else callback(null, encodeStatus(status));
  };

  readonly #watch: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    const service = serviceOf(call.request);
    if (service === undefined)
      return void call.emit("error", { code: Status.INTERNAL, details: "no request" });
    const watcher = { service, call, told: 0 };
    this.#watchers.add(watcher);
    call.on("cancelled", () => this.#watchers.delete(watcher));
    this.#tellOne(watcher);
  };

  #tell(): void {
    for (const watcher of this.#watchers) this.#tellOne(watcher);
  }

  #tellOne(watcher: Watcher): void {
    const status = this.#statusOf(watcher.service);
    if (status === watcher.told) return;
    watcher.told = status;
    watcher.call.write(encodeStatus(status));
  }

  #statusOf(service: string): number {
    if (service !== "" && !this.#services.has(service)) return serviceUnknown;
    return this.#leaving ? notServing : serving;
  }
}

function encodeStatus(status: number): Buffer {
  return new WireWriter().number(1, status).finish();
}

/** HealthCheckRequest.service; undefined: the bytes are no request. */
function serviceOf(request: Buffer): string | undefined {
  try {
    let service = "";
    for (const reader = new WireReader(request); reader.next(); ) {
      if (reader.field === 1) service = reader.text();
    }
    return service;
  } catch {
    return undefined;
  }
}
