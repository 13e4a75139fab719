// Other trackers of which the npm registry has a package, each bundled the same way: an entry that imports the package
// and starts it as its own documentation says, esbuild --bundle --minify --format=iife --target=es2021.
//
// In the peers' favour: what a package loads later by import() is left out.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const folder = import.meta.dirname;
const WHOLE = "the tracker";
/** What some packages are. */
export const TAG = "a tag that loads the tracker from elsewhere";

/** What to bundle of each package in package.json, and what that is. */
const peers = {
  "@dub/analytics": {
    is: TAG,
    entry: `import { inject } from "@dub/analytics"; inject({ domainsConfig: { refer: "go.example.com" } });`,
  },
  "@vercel/analytics": { is: TAG, entry: `import { inject } from "@vercel/analytics"; inject();` },
  "fathom-client": { is: TAG, entry: `import { load } from "fathom-client"; load("ABCDEFGH");` },
  "plausible-tracker": {
    is: WHOLE,
    entry: `import Plausible from "plausible-tracker"; Plausible({ domain: "example.com" }).enableAutoPageviews();`,
  },
  "@plausible-analytics/tracker": {
    is: WHOLE,
    entry: `import { init } from "@plausible-analytics/tracker"; init({ domain: "example.com" });`,
  },
  "@openpanel/web": {
    is: WHOLE,
    entry: `import { OpenPanel } from "@openpanel/web"; new OpenPanel({ clientId: "id", trackScreenViews: true });`,
  },
  "@segment/analytics-next": {
    is: WHOLE,
    entry: `import { AnalyticsBrowser } from "@segment/analytics-next"; AnalyticsBrowser.load({ writeKey: "key" });`,
  },
  "mixpanel-browser": {
    is: WHOLE,
    entry: `import mixpanel from "mixpanel-browser"; mixpanel.init("token");`,
  },
  "posthog-js": {
    is: WHOLE,
    entry: `import posthog from "posthog-js"; posthog.init("key", { api_host: "https://example.com" });`,
  },
};

/** Installs the pinned versions beside this file and bundles each: `[{ name, version, is, bytes }]`. */
export async function bundlePeers() {
  const { status } = spawnSync("npm", ["ci", "--loglevel=error", "--no-progress"], { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error("npm ci in bench/peers failed");
  const { dependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  return Promise.all(
    Object.entries(peers).map(async ([name, { is, entry }]) => {
      return { name, version: dependencies[name], is, bytes: await bundle(entry, folder) };
    }),
  );
}

/** The bytes of one minified file; packages are looked for in `resolveDir`. */
export async function bundle(entry, resolveDir) {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir },
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2021",
    platform: "browser",
    legalComments: "none",
    logLevel: "error",
    write: false,
    plugins: [loadedLater],
  });
  return outputFiles[0].contents;
}

const loadedLater = {
  name: "loaded later",
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined));
  },
};
