#!/usr/bin/env node
// Recomputes the arithmetic of attribution/tests/worked_cases/*.json with exact fractions, sees that every expected amount
// is the result of a line, and adds up each case's total. Exits 1 where something is wrong.
// Usage: node scripts/recompute-worked-cases.mjs [directory]
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const LEAST_CASES = 80;
const SHOWN = 20;
const DIGITS = { JPY: 0, VND: 0, KRW: 0, KWD: 3, BHD: 3 }; // every other currency here has 2
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;
const NOT_KEPT = new Set(["declined", "refunded"]);

// Fractions: [numerator, denominator], denominator > 0.
const abs = (n) => (n < 0n ? -n : n);
const gcd = (a, b) => (b === 0n ? abs(a) : gcd(b, a % b));
function fraction(n, d) {
  if (d === 0n) throw new Error("division by zero");
  const g = gcd(n, d) * (d < 0n ? -1n : 1n);
  return [n / g, d / g];
}
function decimal(text) {
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!m) throw new Error(`not a decimal: ${text}`);
  const part = m[3] ?? "";
  return fraction(BigInt(m[1] + m[2] + part), 10n ** BigInt(part.length));
}
const add = (a, b) => fraction(a[0] * b[1] + b[0] * a[1], a[1] * b[1]);
const negative = (a) => [-a[0], a[1]];
const multiply = (a, b) => fraction(a[0] * b[0], a[1] * b[1]);
const divide = (a, b) => fraction(a[0] * b[1], a[1] * b[0]);
const less = (a, b) => a[0] * b[1] < b[0] * a[1];
const equal = (a, b) => a[0] === b[0] && a[1] === b[1];
/** Half-up, away from zero at exactly half. */
function round(a, digits) {
  if (digits[1] !== 1n || digits[0] < 0n) throw new Error("round() wants a whole number of digits");
  const scale = 10n ** digits[0];
  const units = (2n * abs(a[0]) * scale + a[1]) / (2n * a[1]);
  return fraction(a[0] < 0n ? -units : units, scale);
}
const FUNCTIONS = { round, min: (a, b) => (less(b, a) ? b : a), max: (a, b) => (less(a, b) ? b : a) };

function evaluate(text) {
  const tokens = text.match(/\d+(?:\.\d+)?|[a-z]+|[-+*/(),]|\S/g) ?? [];
  let at = 0;
  const take = (wanted) => {
    if (tokens[at] !== wanted) throw new Error(`"${wanted}" expected, "${tokens[at] ?? "the end"}" found`);
    at += 1;
  };
  function factor() {
    const token = tokens[at++];
    if (token === "-") return negative(factor());
    if (token === "(") {
      const value = sum();
      take(")");
      return value;
    }
    if (Object.hasOwn(FUNCTIONS, token ?? "")) {
      take("(");
      const first = sum();
      take(",");
      const second = sum();
      take(")");
      return FUNCTIONS[token](first, second);
    }
    return decimal(token ?? "");
  }
  function product() {
    let value = factor();
    while (tokens[at] === "*" || tokens[at] === "/") value = tokens[at++] === "*" ? multiply(value, factor()) : divide(value, factor());
    return value;
  }
  function sum() {
    let value = product();
    while (tokens[at] === "+" || tokens[at] === "-") value = tokens[at++] === "+" ? add(value, product()) : add(value, negative(product()));
    return value;
  }
  const value = sum();
  if (at < tokens.length) throw new Error(`"${tokens[at]}" not understood`);
  return value;
}

const problems = [];
let caseCount = 0;
let lineCount = 0;

/** The amounts of an expectation: [field, amount, in the sale's currency]. */
function amountsOf(expectation) {
  const found = [];
  for (const field of ["commission", "converted", "remaining"]) {
    if (expectation[field] != null) found.push([field, expectation[field], field === "remaining"]);
  }
  for (const field of ["levels", "clawbacks", "level_clawbacks"]) {
    (expectation[field] ?? []).forEach((amount, i) => amount != null && found.push([`${field} ${i + 1}`, amount, false]));
  }
  return found;
}

function checkCase(file, source, one) {
  caseCount += 1;
  const start = Math.max(0, source.indexOf(JSON.stringify(one.name)));
  const wrong = (what, step, text) => {
    const place = text === undefined ? -1 : source.indexOf(JSON.stringify(text), start);
    const line = source.slice(0, place < 0 ? start : place).split("\n").length;
    problems.push(`${file}:${line}: "${one.name}"${step === undefined ? "" : `, step ${step}`}: ${what}`);
  };
  const digitsWrong = (amount, currency) => (amount.split(".")[1] ?? "").length !== (DIGITS[currency] ?? 2);
  const fixed = new Map();
  const know = (incentives) => incentives.forEach((i) => fixed.set(i.id, i.fixed));
  know(one.incentives);
  const currencies = new Map();
  const said = new Map(); // "sale field" -> amount
  const kept = new Map(); // sale -> { amount, status, back }
  const entry = (id) => {
    if (!kept.has(id)) kept.set(id, { amount: null, status: null, back: [0n, 1n] });
    return kept.get(id);
  };

  let before = Date.parse(one.clicked_at);
  one.steps.forEach((step, index) => {
    const number = index + 1;
    if (!(MOMENT.test(step.at) && Date.parse(step.at) >= before)) wrong(`${step.at} is no moment after the step before`, number);
    before = Date.parse(step.at);
    const results = [];
    for (const line of step.arithmetic ?? []) {
      lineCount += 1;
      try {
        const [expression, result, more] = line.split(" = ");
        if (result === undefined || more !== undefined) throw new Error("a line is `expression = result`");
        const value = evaluate(expression);
        if (!equal(value, decimal(result))) wrong(`${line}: it is ${value[0]}/${value[1]}`, number, line);
        results.push(result);
      } catch (error) {
        wrong(`${line}: ${error.message}`, number, line);
      }
    }
    if (step.set_incentives) know(step.set_incentives);
    const action = step.sale ?? step.manual ?? step.refund ?? {};
    if (step.sale ?? step.manual) {
      currencies.set(action.id, action.currency);
      if (digitsWrong(action.amount, action.currency) && !step.expect_refused) wrong(`${action.amount} ${action.currency} has the wrong digits`, number);
    }
    const expectation = step.expect ?? step.expect_sale;
    if (expectation) {
      const id = step.sign_up ? "lead" : step.sale?.id ?? step.manual?.id ?? step.refund?.sale ?? step.complete ?? step.look ??
        step.set_sales_status?.sale ?? step.set_commission_status?.sale ?? step.settles?.[0];
      if (step.expect_sale && step.settles?.length !== 1) wrong("expect_sale wants exactly one settled sale", number);
      for (const [field, amount, ofTheSale] of amountsOf(expectation)) {
        const explained = /^0(\.0+)?$/.test(amount) || results.includes(amount) || [action.amount, action.commission].includes(amount) ||
          (field === "commission" && fixed.get(expectation.incentive) === amount) || said.get(`${id} ${field}`) === amount;
        if (!explained) wrong(`${field} ${amount} is the result of no line`, number);
        if (digitsWrong(amount, ofTheSale ? currencies.get(id) : one.currency)) wrong(`${field} ${amount} has the wrong digits`, number);
        said.set(`${id} ${field}`, amount);
      }
      const line = entry(id);
      if (expectation.commission !== undefined) line.amount = expectation.commission;
      if (expectation.status !== undefined) line.status = expectation.status;
      for (const amount of expectation.clawbacks ?? []) line.back = add(line.back, decimal(amount));
    }
    if (step.expect_payout != null && !results.includes(step.expect_payout) && ![...said.values()].includes(step.expect_payout)) {
      wrong(`the payout of ${step.expect_payout} is the result of no line`, number);
    }
    for (const [id, status] of Object.entries(step.expect_statuses ?? {})) entry(id).status = status;
    // A payout that comes to nothing takes the negative lines of what it gathered with it: a later step says what is paid.
    if (["failed", "cancelled"].includes(step.end_payout)) {
      for (const id of Object.keys(step.expect_statuses ?? {})) entry(id).back = [0n, 1n];
    }
    if (step.reassign?.unpaid === "keep") kept.clear();
    if (!expectation && !step.expect_statuses && !step.expect_refused && (step.sale || step.refund || step.complete)) wrong("expects nothing", number);
  });

  let total = [0n, 1n];
  for (const { amount, status, back } of kept.values()) {
    if (amount != null && !NOT_KEPT.has(status)) total = add(total, decimal(amount));
    total = add(total, back);
  }
  if (!equal(total, decimal(one.total))) wrong(`the total ${one.total} should be ${total[0]}/${total[1]}`);
  if (digitsWrong(one.total, one.currency)) wrong(`the total ${one.total} has the wrong digits`);
}

const directory = process.argv[2] ?? fileURLToPath(new URL("../attribution/tests/worked_cases", import.meta.url));
const names = new Set();
for (const file of readdirSync(directory).filter((name) => name.endsWith(".json")).sort()) {
  const source = readFileSync(join(directory, file), "utf8");
  for (const one of JSON.parse(source).cases) {
    if (names.has(one.name)) problems.push(`${file}: "${one.name}" is the name of two cases`);
    names.add(one.name);
    checkCase(file, source, one);
  }
}
if (caseCount < LEAST_CASES) problems.push(`${caseCount} cases; at least ${LEAST_CASES} are wanted`);
if (problems.length > 0) {
  console.error(problems.slice(0, SHOWN).join("\n"));
  if (problems.length > SHOWN) console.error(`and ${problems.length - SHOWN} more`);
  process.exit(1);
}
console.log(`${caseCount} cases, ${lineCount} lines of arithmetic, all right`);
