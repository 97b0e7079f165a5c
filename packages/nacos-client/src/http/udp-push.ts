import { gunzipSync } from "node:zlib";
import { type Body, textOf } from "../body.js";
import type { NacosNetwork, NacosUdpSocket } from "../network.js";
import { objectIn } from "./server-state.js";

/** A list is far smaller unpacked; what is larger was made to fill the memory. */
const mostBytes = 8 * 1024 * 1024;

/**
 * Takes what servers push over UDP and acknowledges it: registries A2.1. Datagrams get lost, so the lists are read now
 * and then all the same. Anybody can send one: what `isKnown` refuses is dropped, and `onList` gets a ServiceInfo that is
 * no more than a hint; it must not throw.
 */
export async function openUdpPush(
  network: NacosNetwork,
  onList: (info: Body) => void,
  isKnown: (address: string) => boolean,
): Promise<NacosUdpSocket> {
  const socket: NacosUdpSocket = await network.udp((data, { address, port }) => {
    const message = isKnown(address) ? readDatagram(data) : undefined;
    if (message === undefined) return;
    socket.send(acknowledgement(message.lastRefTime), port, address);
    if (message.info !== undefined) onList(message.info);
  });
  return socket;
}

/** Undefined: not from a Nacos. `info` undefined: nothing to take over, such as a request to dump the cache. */
export function readDatagram(data: Buffer): { lastRefTime: string; info: Body | undefined } | undefined {
  const text = unpacked(data);
  const message = text === undefined ? undefined : objectIn(text);
  if (text === undefined || message === undefined) return undefined;
  // Nanoseconds: more digits than a number keeps, and the server looks for exactly those.
  const lastRefTime = /"lastRefTime"\s*:\s*(-?\d+)/.exec(
    text.replace(/"data"\s*:\s*"(?:[^"\\]|\\.)*"/, ""),
  )?.[1];
  if (lastRefTime === undefined) return undefined;
  const isList = message["type"] === "dom" || message["type"] === "service";
  return { lastRefTime, info: isList ? objectIn(textOf(message, "data")) : undefined };
}

function acknowledgement(lastRefTime: string): Buffer {
  return Buffer.from(`{"type":"push-ack","lastRefTime":"${lastRefTime}","data":""}`);
}

function unpacked(data: Buffer): string | undefined {
  try {
    const isPacked = data[0] === 0x1f && data[1] === 0x8b;
    return (isPacked ? gunzipSync(data, { maxOutputLength: mostBytes }) : data).toString("utf8");
  } catch {
    return undefined;
  }
}
