// Before the stories: builds all packages, since some stories run programs as processes of their own.
import { build } from "./build-and-run.mjs";

export default build;
