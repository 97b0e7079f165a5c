import { WireReader } from "@dubbo-ts/rpc";
import { type Channel, Metadata, type StatusObject } from "@grpc/grpc-js";
import { Status } from "./status.js";

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const notServing = 2;

const watchPath = "/grpc.health.v1.Health/Watch";
const checkPath = "/grpc.health.v1.Health/Check";
/** A request for the whole server: no service is named. */
const wholeServer = Buffer.alloc(0);
const noHeaders = new Metadata();

/** Who is told what a provider's health check says. */
export interface HealthListener {
  onHeard(): void;
  /** False: the provider is leaving, or does not want calls for now. */
  onServing(serving: boolean): void;
}

/** A watch that runs. */
export interface HealthWatch {
  stop(): void;
}

/**
 * Follows `grpc.health.v1.Health/Watch`, by which dubbo-go and this project say that a provider is leaving. A
 * provider without it (Java by default) answers UNIMPLEMENTED, and that is that.
 */
export function watchHealth(channel: Channel, listener: HealthListener): HealthWatch {
  const call = channel.createCall(watchPath, Infinity, null, null, undefined);
  let stopped = false;
  call.start(noHeaders, {
    onReceiveMetadata: () => listener.onHeard(),
    onReceiveMessage: (message: Buffer) => {
      listener.onHeard();
      if (stopped) return;
      const serving = isServing(message);
      if (serving !== undefined) listener.onServing(serving);
      call.startRead();
    },
    onReceiveStatus: (status) => heardOf(status, listener),
  });
  call.startRead();
  call.sendMessageWithContext({}, wholeServer);
  call.halfClose();
  return {
    stop() {
      if (stopped) return;
      stopped = true;
      call.cancelWithStatus(Status.CANCELLED, "no longer of interest");
    },
  };
}

/** Asks for a sign of life: every answer is one, that there is no health check included. */
export function checkHealth(channel: Channel, timeoutMs: number, onHeard: () => void): void {
  const call = channel.createCall(checkPath, Date.now() + timeoutMs, null, null, undefined);
  const listener = { onHeard };
  call.start(noHeaders, {
    onReceiveMetadata: onHeard,
    onReceiveMessage: () => call.startRead(),
    onReceiveStatus: (status) => heardOf(status, listener),
  });
  call.startRead();
  call.sendMessageWithContext({}, wholeServer);
  call.halfClose();
}

/** Statuses that grpc-js makes up itself are no sign of the peer. */
function heardOf({ code }: StatusObject, listener: Pick<HealthListener, "onHeard">): void {
  const own: readonly number[] = [Status.CANCELLED, Status.DEADLINE_EXCEEDED, Status.UNAVAILABLE];
  if (!own.includes(code)) listener.onHeard();
}

function isServing(message: Buffer): boolean | undefined {
  try {
    let status = 0;
    for (const reader = new WireReader(message); reader.next(); ) {
      if (reader.field === 1) status = reader.number();
    }
    return status !== notServing;
  } catch {
    return undefined;
  }
}
