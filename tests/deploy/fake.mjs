// Stands in for wrangler, and for cargo where it would run the command line: writes down how it was called, and answers as an
// account would that is in the state of account.json. What it makes is there from then on.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder, command, ...words] = process.argv.slice(2);
const path = join(folder, "account.json");
const account = JSON.parse(readFileSync(path, "utf8"));
const called = words.join(" ");
const call = { command, words };
const secretsFile = words[words.indexOf("--secrets-file") + 1];
if (words.includes("--secrets-file")) call.secrets = JSON.parse(readFileSync(secretsFile, "utf8"));
appendFileSync(join(folder, "calls.ndjson"), `${JSON.stringify(call)}\n`);

const begins = (text) => called.startsWith(text);

function fail(message) {
  console.error(`✘ [ERROR] ${message}`);
  process.exit(1);
}

if (command === "cargo") process.exit(account.isHealthy === false ? 1 : 0);
if (account.isLoggedIn === false) fail("In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN");
if (account.failsAt !== undefined && begins(account.failsAt)) fail("the platform says no");

if (begins("d1 list")) console.log(JSON.stringify(account.databases));
if (begins("d1 create")) account.databases.push({ uuid: "00000000-0000-4000-8000-000000000001", name: words[2] });
if (begins("d1 time-travel info")) console.log(JSON.stringify({ bookmark: "00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683" }));
if (begins("secret list")) {
  if (account.secrets === undefined) fail('Worker "clickledger" (env: production) not found.');
  console.log(JSON.stringify(account.secrets.map((name) => ({ name, type: "secret_text" }))));
}
if (begins("deploy")) {
  account.secrets = [...(account.secrets ?? []), ...Object.keys(call.secrets ?? {})];
  const report = { type: "deploy", version: 1, targets: account.targets };
  writeFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, `{"type":"wrangler-session"}\n${JSON.stringify(report)}\n`);
  if (words.includes("--secrets-file") && !existsSync(secretsFile)) fail("no such file");
}
writeFileSync(path, JSON.stringify(account));
