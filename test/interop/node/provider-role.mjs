import { definitions, implementationOf } from "./services.mjs";

/** Serves what the settings name; the commands of a provider. */
export async function providerRole(app, { services, label, weight = 100 }) {
  const handles = new Map();
  const keyOf = ({ interface: name, group, version }) => `${group ?? ""}/${name}:${version ?? ""}`;

  async function doExport(service) {
    const { interface: name, group, version } = service;
    const options = { weight, ...(group && { group }), ...(version && { version }) };
    const implementation = implementationOf(service, label);
    handles.set(keyOf(service), await app.export(definitions[name], implementation, options));
  }

  for (const service of services) await doExport(service);
  await app.start();
  return {
    export: doExport,
    unexport: (service) => handles.get(keyOf(service))[Symbol.asyncDispose](),
  };
}
