// What an environment of wrangler.toml consists of, as wrangler itself reads the file.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { unstable_readConfig as readConfig } from "wrangler";
import { Failure, root } from "./wrangler.mjs";

/** The secrets that the Worker reads: whether it serves without, and what it is for. */
export const SECRETS = [
  { name: "IDENTITY_SECRET", isNeeded: true, says: "e-mail and network addresses are hashed under it" },
  { name: "METRICS_TOKEN", isNeeded: false, says: "opens GET /metrics" },
];

const JURISDICTIONS = ["", "eu", "us", "fedramp"];

/** The environment's resources. */
export function planOf(environment) {
  const config = readConfig({ config: join(root, "wrangler.toml"), env: environment });
  const [database] = config.d1_databases;
  const jurisdiction = config.vars.JURISDICTION ?? "";
  if (!JURISDICTIONS.includes(jurisdiction)) {
    throw new Failure(
      `JURISDICTION is ${JSON.stringify(jurisdiction)}`,
      `Correct it in [env.${environment}.vars] of wrangler.toml: "eu", "us", "fedramp", or "" for none.`,
    );
  }
  return {
    environment,
    worker: config.name,
    database: { name: database.database_name, binding: database.binding, id: database.database_id },
    location: config.vars.LEDGER_LOCATION ?? "",
    jurisdiction,
    objects: config.durable_objects.bindings,
    objectMigrations: config.migrations,
    limits: config.ratelimits,
    crons: config.triggers.crons ?? [],
    routes: config.routes ?? [],
    isOnWorkersDev: config.workers_dev !== false,
    variables: config.vars,
    migrations: readdirSync(join(root, "migrations")).filter((file) => file.endsWith(".sql")).sort(),
  };
}

/** Where a new database is made: a jurisdiction overrides the region. */
export const placeOf = ({ jurisdiction, location }) => {
  if (jurisdiction !== "") return { says: `within ${jurisdiction}`, words: ["--jurisdiction", jurisdiction] };
  if (location !== "") return { says: `in ${location}`, words: ["--location", location] };
  return { says: "wherever the platform thinks best", words: [] };
};

/** Lists the plan for people. */
export function printPlan(plan) {
  const { database, objectMigrations } = plan;
  const tagOf = (className) => objectMigrations.find((entry) => entry.new_sqlite_classes?.includes(className))?.tag;
  const lines = [
    ["Worker", [plan.worker]],
    ["Database", [`${database.binding} → ${database.name}, ${database.id ?? `to be made ${placeOf(plan).says}`}`]],
    ["Migrations", plan.migrations],
    ["Objects", plan.objects.map(({ name, class_name }) => `${class_name} → ${name}, since tag ${tagOf(class_name)}`)],
    ["Tags", objectMigrations.map(({ tag, new_sqlite_classes }) => `${tag}: ${(new_sqlite_classes ?? []).join(", ")}`)],
    ["Jurisdiction", [plan.jurisdiction || "none"]],
    ["Crons", plan.crons],
    ["Limits", plan.limits.map(({ name, simple }) => `${name}: ${simple.limit} in ${simple.period} s`)],
    ["Routes", routes(plan)],
    ["Secrets", SECRETS.map(({ name, isNeeded, says }) => `${name} (${isNeeded ? "needed" : "optional"}): ${says}`)],
    ["Variables", Object.entries(plan.variables).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)],
  ];
  console.log(`\n==> ${plan.environment}`);
  for (const [title, entries] of lines) {
    const all = entries.length > 0 ? entries : ["none"];
    console.log(all.map((entry, number) => `  ${(number === 0 ? title : "").padEnd(13)} ${entry}`).join("\n"));
  }
}

function routes({ worker, routes: set, isOnWorkersDev }) {
  const patterns = set.map((route) => (typeof route === "string" ? route : route.pattern));
  return isOnWorkersDev ? [`https://${worker}.ACCOUNT.workers.dev`, ...patterns] : patterns;
}
