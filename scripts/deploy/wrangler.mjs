// Runs the project's wrangler, and says what to do where it fails.
import { spawn } from "node:child_process";
import { resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

/** What stopped a deployment, and the one thing to do. */
export class Failure extends Error {
  constructor(message, fix) {
    super(message);
    this.fix = fix;
  }
}

const QUIET = { WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false", WRANGLER_SEND_ERROR_REPORTS: "false" };

/**
 * Runs a command in the project's folder, without a terminal: it asks nothing.
 *
 * @param {string} command its name
 * @param {string[]} words
 * @param {{ shows?: boolean, env?: object }} options `shows`: what it prints is shown while it does
 * @returns {Promise<{ code: number, stdout: string, printed: string }>}
 */
export function run(command, words, { shows = false, env = {} } = {}) {
  return new Promise((done, fail) => {
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(command, words, { cwd: root, env: { ...process.env, ...QUIET, ...env }, stdio });
    const heard = { stdout: "", printed: "" };
    const listen = (stream, shown, keep) =>
      stream.on("data", (data) => {
        if (shows) shown.write(data);
        heard.printed += data;
        if (keep) heard.stdout += data;
      });
    listen(child.stdout, process.stdout, true);
    listen(child.stderr, process.stderr, false);
    child.on("error", (error) => fail(new Failure(`${command}: ${error.message}`, "Run make setup, then make deploy.")));
    child.on("close", (code) => done({ code, ...heard }));
  });
}

/** Runs wrangler, which must succeed; what it printed on standard output. `fix` says what to do where it does not. */
export async function wrangler(words, fix, options) {
  const { code, stdout, printed } = await run("wrangler", words, options);
  if (code === 0) return stdout;
  const said = options?.shows ? "" : `\n${printed.trim()}`;
  throw new Failure(`wrangler ${words.slice(0, 3).join(" ")} failed${said}`, fix);
}

/** The JSON in what a command printed, behind whatever it said first. */
export function jsonIn(printed, start) {
  try {
    return JSON.parse(printed.slice(printed.indexOf(start)));
  } catch {
    throw new Failure(`wrangler answered otherwise than expected:\n${printed.trim()}`, "Run make setup: it installs the wrangler of package.json.");
  }
}
