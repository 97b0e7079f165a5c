import { cellKey, forms, toldOf } from "./cells.mjs";
import { startedPeer } from "./peer.mjs";

const interop = (name) => `org.example.interop.${name}`;

/** What a provider serves in every cell. */
export function servicesOf(protocol) {
  const versioned = interop("VersionedService");
  return [
    { interface: interop("InteropService") },
    { interface: versioned, group: "blue", version: "1.2.3" },
    { interface: versioned, group: "green", version: "2.0.0" },
    ...(protocol === "tri" ? [{ interface: interop("proto.InteropProto") }] : []),
  ];
}

/**
 * Runs the suites of calls of all `cells` of one registry, and tells `report` of each cell as it is done:
 * `{ passed, run, failures }`, `failures` by the case's name. One provider after the other.
 * @param run `{ folder, signal }`, as for peers
 */
export async function runCalls(cells, registry, run, report) {
  for (const group of groups(cells)) await runGroup(group, registry, run, report);
}

/** Cells that share a provider. */
export function groups(cells) {
  const byProvider = new Map();
  for (const cell of cells) {
    const key = [cell.provider, forms[cell.form].protocol, cell.metadata].join(" ");
    byProvider.set(key, [...(byProvider.get(key) ?? []), cell]);
  }
  return [...byProvider.values()];
}

async function runGroup(cells, registry, run, report) {
  const [{ provider: language, form, metadata }] = cells;
  const { protocol } = forms[form];
  const common = (to) => ({ registry: registry.urlFor(to), protocol, ...toldOf[metadata] });
  const name = `${language}-${protocol}-${metadata}`;
  let provider;
  try {
    provider = await startedPeer(
      language,
      {
        ...common(language),
        role: "provider",
        application: `${name}-provider`,
        services: servicesOf(protocol),
        label: language,
      },
      run,
    );
  } catch (error) {
    for (const cell of cells) report(cell, nothing(`the provider did not start: ${error.message}`));
    return;
  }
  try {
    const consumers = [...new Set(cells.map(({ consumer }) => consumer))];
    await Promise.all(
      consumers.map((consumer) => {
        const settings = {
          ...common(consumer),
          role: "consumer",
          application: `${consumer}-consumer-of-${name}`,
        };
        const own = cells.filter((cell) => cell.consumer === consumer);
        return consume(consumer, settings, own, run, report);
      }),
    );
  } finally {
    await provider.stop();
  }
}

const nothing = (detail) => ({ passed: 0, run: 0, failures: { start: detail } });

async function consume(language, settings, cells, run, report) {
  let consumer;
  try {
    consumer = await startedPeer(language, settings, run);
    const suites = await consumer.tell({ do: "cases" });
    for (const cell of cells) {
      const { suite } = forms[cell.form];
      report(cell, await runSuite(consumer, suite, suites[suite]));
    }
  } catch (error) {
    for (const cell of cells) report(cell, nothing(`${cellKey(cell)}: ${error.message}`));
  } finally {
    await consumer?.kill();
  }
}

async function runSuite(consumer, suite, names) {
  const failures = {};
  for (const name of names) {
    const answer = await consumer.ask({ do: "case", suite, name });
    if (!answer.ok) failures[name] = String(answer.detail);
    // What is not reached at all need not be tried with every case, nor what hangs.
    const isLost = Object.keys(failures).length === 2 && name === names[1];
    if (isLost || answer.isLate) {
      const why = isLost ? "the first two failed" : `${name} was never answered`;
      for (const other of names.slice(names.indexOf(name) + 1)) failures[other] = `not tried: ${why}`;
      break;
    }
  }
  return { passed: names.length - Object.keys(failures).length, run: names.length, failures };
}
