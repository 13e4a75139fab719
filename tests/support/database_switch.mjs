// Takes D1 away from a running Worker, and gives it back: every call to the binding fails as D1 fails when it cannot be
// reached. The switch is in the test's process, so that it stays as it is when the runtime is restarted.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Response } from "miniflare";

const ENTRY = "with_database_switch.js";

/** A switch; as long as it is open, nothing reaches D1. */
export function databaseSwitch() {
  let isOpen = false;
  return {
    open: () => (isOpen = true),
    close: () => (isOpen = false),
    /** What the Worker asks before every call. */
    bindings: { DATABASE_SWITCH: { type: "fetcher", handler: () => new Response(isOpen ? "away" : "there") } },
    /** The Worker's modules, entered by way of the switch. */
    async around({ modules }) {
      const contents = await readFile(join(import.meta.dirname, ENTRY), "utf8");
      return { mainModule: ENTRY, modules: { ...modules, [ENTRY]: { type: "esm", contents } } };
    },
  };
}
