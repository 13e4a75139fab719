// A running ledger with two teams in it: what most tests begin with. State is its own and thrown away.
import { createHash, createHmac, randomBytes } from "node:crypto";
import { assertDescribed } from "./openapi.mjs";
import { startRuntime } from "./runtime.mjs";

export const IDENTITY_SECRET = "a secret for tests, and only for them";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** So many random letters and digits. */
export function letters(count) {
  return [...randomBytes(count)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/** A program's keyed hash of an address, made here by hand: HMAC under a key derived for the program. */
export function emailHash(programId, email) {
  const key = createHmac("sha256", IDENTITY_SECRET).update(`email:${programId}`).digest();
  return createHmac("sha256", key).update(email.trim().toLowerCase()).digest("hex");
}

/**
 * Starts a ledger; it ends with the test.
 *
 * @param t the test, or anything with `after`
 * @param {{ program?: object, incentives?: object[], override?: object[], browser_origins?: string[], demo?: boolean,
 *   vars?: object, instances?: number, switchable?: boolean, persist?: string, log?: object[], worker?: object,
 *   openCalls?: number, limit?: { perMinute: number, perSecond: number } }} options columns of
 *   `program`; incentives `{trigger, kind, percent|amount_minor, apply_to, product_ids, approval, hold_days,
 *   cap_minor}`; `demo`: whether the demo shop is served; `limit`: how often each key of the first team may call, without
 *   which it is as often as any test wants; `instances`, `switchable`, `persist`, `log`, `worker` and `openCalls` as of
 *   `startRuntime`
 */
export async function startLedger(t, options = {}) {
  const keys = newKeys();
  const demo = options.demo ? { DEMO_SECRET_KEY: keys.live, DEMO_TRACKING_ID: "alice" } : {};
  const runtime = await startRuntime({
    vars: { IDENTITY_SECRET, ...demo, ...options.vars },
    instances: options.instances,
    switchable: options.switchable,
    persist: options.persist,
    log: options.log,
    worker: options.worker,
    openCalls: options.openCalls,
  });
  t.after(() => runtime.stop());
  const origins = options.browser_origins ?? ["https://shop.example"];
  const browser_origins = options.demo ? [...origins, runtime.url] : origins;
  const fixture = await fill(runtime.db, { ...options, keys, browser_origins });
  return {
    url: runtime.url,
    /** D1; another object after a restart. */
    get db() {
      return runtime.db;
    },
    fixture,
    restart: (options) => runtime.restart(options),
    kill: () => runtime.kill(),
    database: runtime.database,
    /** Where the SQLite files of D1 and of the objects are. */
    state: runtime.state,
    /** A call: an object as body is sent as JSON, a text as it is. Its answer is one that the OpenAPI document describes. */
    async request(method, path, { key, body, headers = {} } = {}) {
      const response = await runtime.fetch(path, {
        method,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await response.text();
      const answer = { status: response.status, headers: response.headers, text, json: parsed(text) };
      assertDescribed(method, path, answer);
      return answer;
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function fill(db, options) {
  const main = await team(db, { number: 1, trackingId: "alice", currency: "USD", ...options });
  const other = await team(db, { number: 2, trackingId: "mallory", currency: "USD" });
  return { ...main, other };
}

function newKeys() {
  return { live: newKey("sk_live"), test: newKey("sk_test"), token: newKey("aff") };
}

/** A key with this prefix: 44 random digits, and the first 32 bits of the SHA-256 of all before them as six more. */
export function newKey(prefix) {
  const body = `${prefix}_${letters(44)}`;
  let rest = createHash("sha256").update(body).digest().readUInt32BE(0);
  let checksum = "";
  for (let digit = 0; digit < 6; digit += 1) {
    checksum = ALPHABET[rest % 62] + checksum;
    rest = Math.floor(rest / 62);
  }
  return body + checksum;
}

/** Nothing but a test of limits is to meet one. */
const UNLIMITED = { perMinute: 1_000_000, perSecond: 1_000_000 };

/** One team with a program, a group, an approved affiliate and keys. */
async function team(db, options) {
  const { number, trackingId, currency, program = {}, incentives, override = [] } = options;
  const { browser_origins = ["https://shop.example"], keys = newKeys(), limit = UNLIMITED } = options;
  const ids = {
    team: `team_${letters(22)}`,
    program: `prog_${letters(22)}`,
    group: `grp_${letters(22)}`,
    affiliate: `aff_${letters(22)}`,
  };
  const email = `${trackingId}@partners.example`;
  const insert = (table, row) => {
    const names = Object.keys(row);
    const marks = names.map(() => "?").join(", ");
    return db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks})`).bind(...Object.values(row));
  };
  const owner = { team_id: ids.team, program_id: ids.program };
  const rows = [
    insert("team", {
      id: ids.team,
      name: `Team ${number}`,
      currency,
      created_at: NOW,
      calls_per_minute: limit.perMinute,
      calls_per_second: limit.perSecond,
    }),
    insert("program", {
      id: ids.program,
      number,
      team_id: ids.team,
      name: `Program ${number}`,
      created_at: NOW,
      ...program,
    }),
    insert("affiliate_group", { id: ids.group, ...owner, name: "Everyone", is_default: 1, created_at: NOW }),
    insert("affiliate", {
      id: ids.affiliate,
      ...owner,
      group_id: ids.group,
      tracking_id: trackingId,
      name: trackingId,
      email,
      email_hash: emailHash(ids.program, email),
      partnership: "approved",
      created_at: NOW,
    }),
    ...browser_origins.map((origin) => insert("program_origin", { ...owner, origin })),
    ...(incentives ?? [{ kind: "percentage", percent: "30" }]).map((row) =>
      insert("incentive", { ...owner, group_id: ids.group, ...incentive(row) }),
    ),
    ...override.map((row) => insert("incentive", { ...owner, affiliate_id: ids.affiliate, ...incentive(row) })),
    ...Object.entries(keys).map(([name, key]) =>
      insert("api_key", {
        key_hash: createHash("sha256").update(key).digest("hex"),
        id: `key_${letters(22)}`,
        ...owner,
        kind: name === "token" ? "program_token" : "secret",
        is_test: name === "test" ? 1 : 0,
        created_at: NOW,
      }),
    ),
  ];
  await db.batch(rows);
  return {
    team: { id: ids.team, currency },
    program: { id: ids.program, number },
    group: { id: ids.group },
    affiliate: { id: ids.affiliate, trackingId, email },
    keys,
  };
}

let incentivesMade = 0;

function incentive(row) {
  const kind = row.kind ?? "percentage";
  incentivesMade += 1;
  return {
    id: row.id ?? `inc_${letters(22)}`,
    name: "For tests",
    pays_for: row.trigger ?? "sale",
    kind,
    rate_ppm: kind === "percentage" ? Math.round(Number(row.percent ?? "30") * 10_000) : null,
    amount_minor: kind === "fixed" ? row.amount_minor : null,
    apply_to: row.apply_to ?? "all_plans",
    product_ids: JSON.stringify(row.product_ids ?? []),
    approval: row.approval ?? "automatic",
    hold_days: row.hold_days ?? 0,
    cap_minor: row.cap_minor ?? null,
    created_at: NOW + incentivesMade,
  };
}
