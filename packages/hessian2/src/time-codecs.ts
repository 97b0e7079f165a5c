import { type Codec, notA } from "./codec.js";
import { type Encoder, layoutOf } from "./encoder.js";
import { Misfit } from "./misfit.js";
import { IntegerCodec } from "./scalar-codecs.js";
import { Kind } from "./tags.js";
import type { Decoder } from "./decoder.js";
import { type Fields, ValueObjectCodec } from "./value-object-codecs.js";

/** The values of `java.time` travel as handles with their parts (rpc-protocols 2.3), which Java reads as the values. */
const handles = "com.alibaba.com.caucho.hessian.io.java8";

const dateText = /^([+-]?\d{4,9})-(\d{2})-(\d{2})$/;
const timeText = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/;

/** A handle, or the same text that the program sees: generic calls send that. */
abstract class TimeCodec extends ValueObjectCodec<string> {
  /** @throws {Misfit} it is none. */
  protected abstract check(text: unknown): string;

  protected override readOther(decoder: Decoder): string {
    if (decoder.kind() !== Kind.string) throw decoder.expected(this.name);
    return this.check(decoder.readString());
  }
}

function ints(...names: string[]): ReadonlyMap<string, Codec> {
  return new Map(names.map((name) => [name, new IntegerCodec("int", -0x8000_0000, 0x7fff_ffff)]));
}

/** `java.time.LocalDate` as `2024-02-29`. */
export class LocalDateCodec extends TimeCodec {
  protected readonly name = "local date";
  protected readonly fields = ints("year", "month", "day");
  readonly #layout = layoutOf(`${handles}.LocalDateHandle`, ["day", "month", "year"]);

  write(encoder: Encoder, value: unknown): void {
    const [year, month, day] = parseDate(value);
    encoder.skipReference();
    encoder.beginObject(this.#layout);
    encoder.writeInt(day);
    encoder.writeInt(month);
    encoder.writeInt(year);
  }

  protected fromFields(fields: Fields): string {
    const year = Number(fields.get("year"));
    const digits = String(Math.abs(year)).padStart(4, "0");
    const sign = year < 0 ? "-" : year > 9999 ? "+" : ""; // as LocalDate.toString()
    return this.check(`${sign}${digits}-${two(fields.get("month"))}-${two(fields.get("day"))}`);
  }

  protected check(text: unknown): string {
    parseDate(text);
    return text as string;
  }
}

function parseDate(text: unknown): [year: number, month: number, day: number] {
  const parts = typeof text === "string" ? dateText.exec(text) : null;
  if (parts === null) throw notA("local date", text);
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) throw notA("local date", text);
  return [year, month, day];
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `java.time.LocalTime` as `23:59:59.5`: seconds always, no zeros behind the fraction. */
export class LocalTimeCodec extends TimeCodec {
  protected readonly name = "local time";
  protected readonly fields = ints("hour", "minute", "second", "nano");
  readonly #layout = layoutOf(`${handles}.LocalTimeHandle`, ["nano", "second", "minute", "hour"]);

  write(encoder: Encoder, value: unknown): void {
    const [hour, minute, second, nano] = parseTime(value);
    encoder.skipReference();
    encoder.beginObject(this.#layout);
    encoder.writeInt(nano);
    encoder.writeInt(second);
    encoder.writeInt(minute);
    encoder.writeInt(hour);
  }

  protected fromFields(fields: Fields): string {
    const nano = Number(fields.get("nano") ?? 0);
    if (nano < 0 || nano > 999_999_999) throw new Misfit(`expected local time, got ${nano} nanoseconds`);
    const fraction = nano === 0 ? "" : `.${String(nano).padStart(9, "0").replace(/0+$/, "")}`;
    const [hour, minute, second] = ["hour", "minute", "second"].map((name) => two(fields.get(name)));
    return this.check(`${hour}:${minute}:${second}${fraction}`);
  }

  protected check(text: unknown): string {
    parseTime(text);
    return text as string;
  }
}

function parseTime(text: unknown): [hour: number, minute: number, second: number, nano: number] {
  const parts = typeof text === "string" ? timeText.exec(text) : null;
  if (parts === null) throw notA("local time", text);
  const [hour, minute, second] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) throw notA("local time", text);
  return [hour, minute, second, Number((parts[4] ?? "").padEnd(9, "0"))];
}

/** `java.time.LocalDateTime` as `2024-02-29T23:59:59`. */
export class LocalDateTimeCodec extends TimeCodec {
  protected readonly name = "local date and time";
  protected readonly fields: ReadonlyMap<string, Codec>;
  readonly #date: LocalDateCodec;
  readonly #time: LocalTimeCodec;
  readonly #layout = layoutOf(`${handles}.LocalDateTimeHandle`, ["time", "date"]);

  constructor(date: LocalDateCodec, time: LocalTimeCodec) {
    super();
    this.#date = date;
    this.#time = time;
    this.fields = new Map<string, Codec>([
      ["date", date],
      ["time", time],
    ]);
  }

  write(encoder: Encoder, value: unknown): void {
    const [date, time] = splitDateTime(value);
    encoder.skipReference();
    encoder.beginObject(this.#layout);
    this.#time.write(encoder, time);
    this.#date.write(encoder, date);
  }

  protected fromFields(fields: Fields): string {
    return this.check(`${String(fields.get("date"))}T${String(fields.get("time"))}`);
  }

  protected check(text: unknown): string {
    const [date, time] = splitDateTime(text);
    parseDate(date);
    parseTime(time);
    return text as string;
  }
}

function splitDateTime(text: unknown): [date: string, time: string] {
  const middle = typeof text === "string" ? text.indexOf("T") : -1;
  if (typeof text !== "string" || middle < 0) throw notA("local date and time", text);
  return [text.slice(0, middle), text.slice(middle + 1)];
}

function two(part: unknown): string {
  return String(part).padStart(2, "0");
}
