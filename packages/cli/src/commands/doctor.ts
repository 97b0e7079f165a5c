import { serviceKey } from "@dubbo-ts/core";
import { type Command } from "commander";
import type { CommandContext } from "../command-context.js";
import { examine, steps } from "../doctor/examine.js";
import type { Finding, Question } from "../doctor/step.js";
import { exitCodes } from "../exit-codes.js";
import { namesOf, type RegistryOptions, reportOptions } from "../options.js";
import { jsonText, oneLine } from "../text.js";
import { tlsOf, type TlsOptions, tlsOptions } from "../tls-options.js";

interface DoctorOptions extends RegistryOptions, TlsOptions {
  readonly app?: readonly string[];
  readonly group?: string;
  readonly version?: string;
  readonly protocol?: readonly string[];
}

/** `dubbo-ts doctor <interface>`. `setExitCode` is told when a step is broken. */
export function addDoctor(
  program: Command,
  context: CommandContext,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command("doctor")
    .argument("<interface>", "the Java interface")
    .description("walk the way of a consumer step by step, and say where it ends, why, and what to do")
    .option("--app <names>", "applications that provide it, besides those of the mapping", namesOf)
    .option("--group <group>", "group that the consumer asks for")
    .option("--version <version>", "version that the consumer asks for; * is any")
    .option("--protocol <names>", "dubbo, tri; default: whatever is offered", namesOf)
    .action(async (name: string, options: DoctorOptions) => {
      if (!(await diagnose(name, options, context))) setExitCode(exitCodes.failed);
    });
  tlsOptions(reportOptions(command, context.io)).addHelpText(
    "after",
    "\nExamples:\n  dubbo-ts doctor org.example.UserProvider\n  dubbo-ts doctor org.example.UserProvider --config dubbo.yaml\n  dubbo-ts doctor org.example.UserProvider --registry zookeeper://127.0.0.1:2181 --version 1.0.0 --json",
  );
}

/** True: the way is clear. */
async function diagnose(name: string, options: DoctorOptions, context: CommandContext): Promise<boolean> {
  const { io, tools } = context;
  const question: Question = {
    service: serviceKey(name, options),
    applications: options.app ?? [],
    protocols: options.protocol ?? [],
    registry: options.registry,
    metadataReport: options.metadataReport,
    timeoutMs: options.timeout,
    tls: await tlsOf(options, io),
  };
  const findings: Finding[] = [];
  const show = (step: string) => io.status?.(`${step} ...`);
  try {
    for await (const finding of examine(question, tools, io.signal, show)) {
      io.status?.("");
      findings.push(finding);
      if (options.json !== true) for (const line of linesFor(finding, context)) io.out(line);
    }
  } finally {
    io.status?.("");
  }
  const healthy = findings.every(({ state }) => state !== "broken");
  if (options.json === true)
    io.out(jsonText({ service: question.service.text, healthy, steps: findings }, { indented: true }));
  return healthy;
}

const stepWidth = Math.max(...steps.map(({ name }) => name.length));

function linesFor(finding: Finding, { paint }: CommandContext): string[] {
  const { step, state, found, ms, code, problem, cure } = finding;
  const mark = { ok: paint.green("ok    "), warning: paint.yellow("look  "), broken: paint.red("BROKEN") }[
    state
  ];
  const line = `${mark}  ${step.padEnd(stepWidth)}  ${oneLine(found)}  ${paint.dim(`${ms} ms`)}`;
  if (state !== "broken") return [line];
  const indent = " ".repeat(8);
  return [
    line,
    `${indent}${paint.bold("why")}   ${code} (${problem})`,
    `${indent}${paint.bold("do")}    ${oneLine(cure ?? "")}`,
  ];
}
