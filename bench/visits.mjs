// Visits of a customer's page by a browser that is not disturbed: each with a profile of its own, hence with nothing in
// any cache, in a process that the browser slows down, and with no more of the DevTools protocol than that.
//
// A page driven by a test tool costs more than it does for visitors: the tool has every request and every script
// reported, twice the time of the loader in our case. So these pages are opened through the browser's own session, and
// what came of a visit is seen from outside, in the cookies and in the database.
import { setTimeout as sleep } from "node:timers/promises";
import { mainThread, trace } from "./trace.mjs";

/** Headless Chromium says so, and would be a bot. */
export const USER_AGENT =
  "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** A new window's own surface needs the processor too. */
const WINDOW_MILLISECONDS = 1000;
/** At least so long is a visit; and so long is watched what follows its end. */
const VISIT_MILLISECONDS = 900;
const AFTER_MILLISECONDS = 300;
const PATIENCE_MILLISECONDS = 10_000;

/** A loop of so many steps tells how fast a page is. */
const STEPS = 20_000_000;

/**
 * Visits a page once.
 *
 * @param session the browser's own DevTools session
 * @param {{ url: string, blank: string, cookies: object[], slowed: number,
 *   until: (cookies: object[]) => Promise<boolean> }} visit `blank`: a page of the same site without anything;
 *   `slowed`: how many times; `until`: whether it has come to its end
 * @returns what bench/trace.mjs finds
 */
export async function visit(session, { url, blank, cookies, slowed, until }) {
  const { browserContextId } = await session.send("Target.createBrowserContext");
  try {
    const page = await open(session, browserContextId, blank);
    await page.send("Emulation.setUserAgentOverride", { userAgent: USER_AGENT });
    await session.send("Storage.setCookies", { browserContextId, cookies });
    await sleep(WINDOW_MILLISECONDS);
    await page.send("Emulation.setCPUThrottlingRate", { rate: slowed });
    const events = await trace(session, async () => {
      await page.send("Page.navigate", { url });
      await sleep(VISIT_MILLISECONDS);
      await reached(async () => until((await session.send("Storage.getCookies", { browserContextId })).cookies), url);
      await sleep(AFTER_MILLISECONDS);
    });
    return { ...mainThread(events, url), slowed: await measureSlowness(page) };
  } finally {
    await session.send("Target.disposeBrowserContext", { browserContextId });
  }
}

/** A page, and how to talk to it: the browser's session carries its messages. */
async function open(session, browserContextId, url) {
  const { targetId } = await session.send("Target.createTarget", { url, browserContextId });
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  let sent = 0;
  return {
    send(method, params = {}) {
      const id = ++sent;
      const answered = new Promise((resolve, reject) => {
        const receive = ({ sessionId: from, message }) => {
          const answer = from === sessionId ? JSON.parse(message) : {};
          if (answer.id !== id) return;
          session.off("Target.receivedMessageFromTarget", receive);
          if (answer.error === undefined) resolve(answer.result);
          else reject(new Error(`${method}: ${answer.error.message}`));
        };
        session.on("Target.receivedMessageFromTarget", receive);
      });
      return session
        .send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) })
        .then(() => answered);
    },
  };
}

async function reached(isReached, url) {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; !(await isReached()); await sleep(50)) {
    if (Date.now() > end) throw new Error(`the visit of ${url} did not come to its end`);
  }
}

/** How many times slower than by itself the page's process runs: that the browser was asked to is no proof. */
async function measureSlowness(page) {
  const time = async () => {
    const expression = `(() => {
      const began = performance.now();
      for (let step = 0, sum = 0; step < ${STEPS}; step++) sum += step;
      return performance.now() - began;
    })()`;
    return (await page.send("Runtime.evaluate", { expression })).result.value;
  };
  const slow = await time();
  await page.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  return slow / (await time());
}
