// Before the stories: servers, and a build of all packages, since some stories run programs as processes of their own.
import { build } from "./build-and-run.mjs";
import installServers from "./install-servers.mjs";

export default async function prepareStories() {
  installServers();
  await build();
}
