// `make deploy`: everything that one environment needs, made where it is missing, and the Worker deployed into it. Each step
// says what it does and may be repeated: what is there stays. `--dry-run` asks no account and changes nothing.
import { planOf, printPlan } from "./plan.mjs";
import { account, code, database, dryRun, healthy, migrations, secrets } from "./steps.mjs";
import { Failure } from "./wrangler.mjs";

const ENVIRONMENTS = ["staging", "production"];

async function main() {
  const words = process.argv.slice(2);
  const isDryRun = words.includes("--dry-run");
  const names = words.filter((word) => word !== "--dry-run");
  const unknown = names.find((name) => !ENVIRONMENTS.includes(name));
  if (unknown !== undefined) {
    throw new Failure(`there is no environment ${unknown}`, `Say ENV=${ENVIRONMENTS.join(" or ENV=")}.`);
  }
  if (isDryRun) {
    for (const name of names.length > 0 ? names : ENVIRONMENTS) await rehearse(name);
    console.log("\nDry run: nothing was asked of any account, and nothing was changed.");
    return;
  }
  await deploy(names[0] ?? "production");
}

async function rehearse(environment) {
  const plan = planOf(environment);
  printPlan(plan);
  await dryRun(plan);
}

async function deploy(environment) {
  const plan = planOf(environment);
  const databases = await account(plan);
  await database(plan, databases);
  const made = await secrets(plan);
  await migrations(plan);
  const url = await code(plan, made);
  await healthy(plan, url);
  console.log(`\n${plan.worker} is deployed: ${url}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`\nerror: ${error.message}\n   do: ${error.fix}`);
  process.exitCode = 1;
}
