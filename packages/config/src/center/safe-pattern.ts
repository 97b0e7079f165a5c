/** A longer pattern is no person's. */
const longest = 200;

/** What a repetition without an upper end counts as: texts that patterns are tried on are not much longer. */
const unbounded = 300;

/** In so many ways a text may be tried at the most: three repetitions without an end, or twenty choices. */
const mostWays = unbounded ** 3;

/**
 * Says why a regular expression of a rule is refused; undefined: it may be tried on any name. Whoever may write rules
 * could else stop every process that reads them: `(a+)+` takes for ever on thirty letters. So nothing that is repeated
 * has a repetition or a choice in it, there are neither back references nor looks around, and not too many choices.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > longest) return `is a pattern of more than ${longest} characters`;
  try {
    new RegExp(pattern);
  } catch {
    return "is no regular expression";
  }
  if (/\\(?:[1-9]|k<)|\(\?(?:[=!]|<[=!])/.test(pattern)) return "has a back reference, or looks around";
  return costOf(pattern);
}

/** Of a class or an escape only one character matters here. */
const parts = /\\[\s\S]|\[(?:\\[\s\S]|[^\]])*\]|\(\?:|\(\?<\w+>|\{\d+(?:,\d*)?\}|[\s\S]/g;

function costOf(pattern: string): string | undefined {
  /** Of each open group whether it has a choice in it. */
  const open: boolean[] = [false];
  let before = false;
  let ways = 1;
  for (const [part] of pattern.matchAll(parts)) {
    const choices = choicesOf(part);
    if (choices !== undefined && part !== "|" && before)
      return "repeats what has a repetition or a choice in it";
    before = false;
    if (part.startsWith("(")) open.push(false);
    else if (part === ")" && open.length > 1) {
      before = open.pop() === true;
      if (before) open[open.length - 1] = true;
    } else if (choices !== undefined) {
      open[open.length - 1] = true;
      ways *= choices;
    }
  }
  return ways > mostWays ? "has too many repetitions and choices" : undefined;
}

/** In how many ways `part` may be taken; undefined: it is neither a repetition nor a choice. */
function choicesOf(part: string): number | undefined {
  if (part === "*" || part === "+") return unbounded;
  if (part === "|" || part === "?") return 2;
  const [, from = "", comma, to = ""] = /^\{(\d+)(?:(,)(\d*))?\}$/.exec(part) ?? [];
  if (from === "") return undefined;
  if (comma === undefined) return 1;
  return to === "" ? unbounded : Math.max(1, Number(to) - Number(from) + 1);
}
