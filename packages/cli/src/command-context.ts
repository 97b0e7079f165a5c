import type { CommandIo } from "./command-io.js";
import { type Paint, paintFor } from "./paint.js";
import { tableLines } from "./table.js";
import { jsonText } from "./text.js";
import type { CommandTools } from "./tools.js";

/** What every command is given. */
export interface CommandContext {
  readonly io: CommandIo;
  readonly tools: CommandTools;
  readonly paint: Paint;
}

/** Makes a {@link CommandContext}. */
export function commandContext(io: CommandIo, tools: CommandTools): CommandContext {
  return { io, tools, paint: paintFor(io) };
}

/** The same content for people and for programs. */
export interface Listing {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What people read when there are no rows. */
  readonly none: string;
  readonly json: unknown;
}

/** Prints a table, or JSON where it is wanted. */
export function printListing(listing: Listing, json: boolean, { io, paint }: CommandContext): void {
  if (json) io.out(jsonText(listing.json, { indented: true }));
  else if (listing.rows.length === 0) io.out(listing.none);
  else for (const line of tableLines(listing.header, listing.rows, paint)) io.out(line);
}
