// What stands between a running Worker and D1 in tests: takes D1 away and gives it back, loses the answer to a commit,
// holds a commit up. It is in the test's process, so that it stays as it is when the runtime is restarted.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Response } from "miniflare";

const ENTRY = "with_database_switch.js";

/** A switch, which at first lets everything through. */
export function databaseSwitch() {
  let isAway = false;
  /** What happens to the next commit of a command. */
  let next;

  /** What the Worker asks before each call to D1, and does: `pass`, `fail`, or `lose` its answer. */
  async function decide({ url }) {
    if (isAway) return "fail";
    if (!url.endsWith("/commit") || next === undefined) return "pass";
    const happens = next;
    next = undefined;
    return happens();
  }

  return {
    /** From now on every call to D1 fails, over restarts too. */
    takeAway: () => (isAway = true),
    giveBack: () => (isAway = false),
    /** The next command is committed and its caller never hears of it; D1 may go away at that moment. */
    loseNextAnswer({ andGoAway = false } = {}) {
      next = () => {
        isAway = andGoAway;
        return "lose";
      };
    },
    /** The next commit reaches D1 only when it is let go: `reached` says that it is held up, `letGo` ends that. */
    holdNextCommit() {
      const reached = Promise.withResolvers();
      const released = Promise.withResolvers();
      next = async () => {
        reached.resolve();
        await released.promise;
        return "pass";
      };
      return { reached: reached.promise, letGo: released.resolve };
    },
    /** The Worker's way to ask. */
    bindings: {
      DATABASE_SWITCH: { type: "fetcher", handler: async (request) => new Response(await decide(request)) },
    },
    /** The Worker's modules, entered by way of the switch. */
    async around({ modules }) {
      const contents = await readFile(join(import.meta.dirname, ENTRY), "utf8");
      return { mainModule: ENTRY, modules: { ...modules, [ENTRY]: { type: "esm", contents } } };
    },
  };
}
