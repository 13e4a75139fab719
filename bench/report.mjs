// Puts figures into words: one Markdown table and a few lines around it.
import { contests, COLD_START_TARGET, overRounds, ratio } from "./figures.mjs";
import { table } from "./page.mjs";

const HEAD = [
  "State",
  "Worker",
  "Call",
  "Requests/s",
  "p50 ms",
  "p99 ms",
  "CPU µs",
  "Of the bare Worker's requests/s",
  "Rows: object + D1",
  "D1 trips",
  "Errors",
];

/** Everything that a run has found, as Markdown. */
export function report({ machine, media, rows, lone, coldStart }) {
  const lines = media.flatMap((medium) => contests.flatMap((contest) => compare(contest, medium, rows)));
  const found = [
    machine,
    table([HEAD, ...lines]),
    `A click that stays alone for two seconds: ${rowsWritten(lone)} rows, its counting included.`,
    differentRows(rows),
    coldStartLine(coldStart),
  ];
  return found.filter((part) => part !== undefined).join("\n\n");
}

/** The bare Worker's calls, and below them the product's. */
function compare({ call, against, rows: isWithinTarget }, { medium, rounds: { product, bare } }, rows) {
  const lines = against.map((other) => line(medium, "bare", other.call, bare[other.call], "", rows.bare[other.call]));
  if (call === undefined) return lines;
  const shares = against.map(({ call: other, target }) =>
    share(ratio(product[call], bare[other]), other, target[medium] ?? target),
  );
  const mark = isWithinTarget === undefined || isWithinTarget(rows.product[call]) ? "" : " (missed)";
  return [...lines, line(medium, "Clickledger", call, product[call], shares.join("; "), rows.product[call], mark)];
}

function line(medium, worker, call, rounds, shares, counted, mark = "") {
  const { rate, p50, p99, cpu, errors } = overRounds(rounds);
  const written = rowsWritten(counted) + mark;
  const figures = [rate.toFixed(0), p50.toFixed(1), p99.toFixed(1), Number.isNaN(cpu) ? "–" : cpu.toFixed(0)];
  return [medium, worker, call, ...figures, shares, written, short(counted.trips), String(errors)];
}

function share({ middle, least, most }, call, target) {
  const verdict = middle >= target ? "reached" : "missed";
  const range = `${least.toFixed(2)}–${most.toFixed(2)}`;
  return `${middle.toFixed(2)} of ${call} (${range}; ≥ ${target} ${verdict})`;
}

function rowsWritten({ object, d1 }) {
  return `${short(object)} + ${short(d1)}`;
}

/** At most two digits behind the point, and none that say nothing. */
function short(number) {
  return String(Number(number.toFixed(2)));
}

/** The bare Worker must write what the product writes, or the comparison says nothing. */
function differentRows({ product, bare }) {
  const different = ["signup", "conversion"].filter((call) => product[call].d1 !== bare[call].d1);
  if (different.length === 0) return undefined;
  return `Not comparable: ${different.join(" and ")} write other rows in D1 than bench/reference/src/rows.rs does.`;
}

function coldStartLine({ base, bare, product }) {
  const verdict = product <= COLD_START_TARGET ? "reached" : "missed";
  const found = `${product.toFixed(0)} ms (≤ ${COLD_START_TARGET} ms ${verdict})`;
  const beside = `the bare Worker ${bare.toFixed(0)} ms`;
  const from = `A Worker of one line answers ${base.toFixed(0)} ms after the runtime's start.`;
  return `Cold start: ${found}; ${beside}. ${from}`;
}
