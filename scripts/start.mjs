// `npm start`: builds what is not built, then runs the tour.
import { build, run } from "./build-and-run.mjs";

await build();
process.exitCode = await run("samples/tour/dist/main.js", []);
