// A peer written with dubbo-ts: provider or consumer, as its only argument says (../README.md).
import { createInterface } from "node:readline";
import { createApplication } from "dubbo-ts";
import { consumerRole } from "./consumer-role.mjs";
import { providerRole } from "./provider-role.mjs";

const settings = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const isProvider = settings.role === "provider";
const steps = {
  FORCE_INTERFACE: "force-interface",
  APPLICATION_FIRST: "application-first",
  FORCE_APPLICATION: "force-application",
};

function print(fields, message) {
  console.error(new Date().toISOString(), message, fields);
}

try {
  const app = await createApplication({
    name: settings.application,
    log: { debug() {}, info() {}, warn: print, error: print }, // stdout is for answers
    config: {
      application: {
        "metadata-type": settings.metadata ?? "local",
        ...(settings.migration && { migration: { step: steps[settings.migration] } }),
      },
      registries: {
        main: {
          address: settings.registry,
          ...(settings.registerMode && { "register-mode": settings.registerMode }),
        },
      },
      ...(isProvider && {
        protocols: { main: { name: settings.protocol, port: settings.port } },
      }),
      shutdown: { signals: true },
      cache: { enabled: false },
    },
  });
  const role = isProvider ? await providerRole(app, settings) : consumerRole(app, settings);
  say({ event: "ready" });
  await serve(role);
  await app.stop();
  process.exit(0);
} catch (error) {
  console.error(error);
  say({ event: "failed", detail: String(error) });
  process.exit(1);
}

/** Until stdin ends or says `stop`. Commands may overlap. */
async function serve(role) {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    if (command.do === "stop") return;
    void answer(role, command);
  }
}

async function answer(role, { id, ...command }) {
  try {
    if (role[command.do] === undefined) throw new Error(`the ${settings.role} does not know ${command.do}`);
    say({ id, ok: true, ...(await role[command.do](command)) });
  } catch (error) {
    say({ id, ok: false, detail: detailOf(error) });
  }
}

function detailOf(error) {
  const cause = error.cause === undefined ? "" : ` / ${String(error.cause).slice(0, 200)}`;
  return `${error.code ?? error.name}: ${String(error.message).slice(0, 400)}${cause}`;
}
