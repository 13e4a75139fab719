// A real Chromium for page tests: the system's own, since a test tool's download needs an open network.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const USER_AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const FLAGS = [
  "--no-sandbox", // root, in a container, has none
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Customers' sites (site.mjs): every name under .test is this machine, and certificates are nobody's.
  "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.github.io 127.0.0.1, MAP *.co.uk 127.0.0.1",
  "--ignore-certificate-errors",
  // A headless browser says so in its name, and is no visitor then.
  `--user-agent=${USER_AGENT}`,
];

/** Opens headless Chromium with an empty profile of its own; `close()` removes it. */
export function openBrowser() {
  return chromium.launch({ executablePath: findChromium(), args: FLAGS });
}

/**
 * Opens a page in a Chromium that nobody drives: a driven one renders no page ahead. It ends with the test.
 *
 * @param t the test
 * @param {string} url
 */
export function openAlone(t, url) {
  const profile = mkdtempSync(join(tmpdir(), "clickledger-profile-"));
  const options = ["--headless", `--user-data-dir=${profile}`, "--remote-debugging-port=0"];
  const browser = spawn(findChromium(), [...FLAGS, ...options, url], { stdio: "ignore" });
  const ended = new Promise((resolve) => browser.once("exit", resolve));
  t.after(async () => {
    browser.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  });
}

/** The `CHROMIUM` variable, else the first known name on PATH. */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = process.env.PATH.split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (found === undefined) throw new Error(`no browser found: install chromium, or set CHROMIUM to its path`);
  return found;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
