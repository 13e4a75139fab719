// The Worker's entry, around the module that worker-build makes (`./build/built.js`).
//
// A trap (a panic, no memory) ends the WebAssembly instance with everything that is under way in it: the Worker's calls and
// those of the objects that live in the same isolate. The built module starts a new instance with the next call, but what
// was under way would wait for ever. It is told so here: a caller of the Worker gets a 503, and may try again; a caller of
// an object, or the runtime for an alarm, gets an error, and tries again.
//
// State: what is under way in this isolate, in memory. What of it was committed, its repetition finds.
import Built, * as built from "./build/built.js";

/** How to end each call that is under way. */
const underWay = new Set();

/** No call that is under way will be answered by the instance that trapped. */
function endAll() {
  for (const end of underWay) end();
  underWay.clear();
}

/** A trap; or an error of the runtime's that passed through the instance, by the name that wasm-bindgen gives it. */
const isTrap = (error) => error instanceof WebAssembly.RuntimeError || error?.message === "Critical error";

// Work that goes on after an await traps outside of any call; nothing else throws there.
addEventListener("error", endAll);

/** What `work` comes to, unless the instance ends before. */
async function guarded(work) {
  let end;
  const ended = new Promise((_, reject) => (end = () => reject(new Error("the instance ended"))));
  underWay.add(end);
  try {
    return await Promise.race([work(), ended]);
  } catch (error) {
    if (isTrap(error)) endAll();
    throw error;
  } finally {
    underWay.delete(end);
  }
}

/** The class of an object with its calls and alarms guarded. */
function guardedObject(Class) {
  return class extends Class {
    fetch(request) {
      return guarded(() => super.fetch(request));
    }

    alarm(...facts) {
      return guarded(() => super.alarm(...facts));
    }
  };
}

export const ClickLedger = guardedObject(built.ClickLedger);
export const WebhookSender = guardedObject(built.WebhookSender);
export const Scheduler = guardedObject(built.Scheduler);
export const KeyLimiter = guardedObject(built.KeyLimiter);

export default class extends Built {
  async fetch(request) {
    try {
      return await guarded(() => super.fetch(request));
    } catch (error) {
      console.error(error);
      return tryAgain(request);
    }
  }

  scheduled(event) {
    return guarded(() => super.scheduled(event));
  }
}

/** The 503 of the path's dialect. */
function tryAgain(request) {
  const message = "The ledger is not available right now. Try again.";
  const isAffitor = new URL(request.url).pathname.startsWith("/api/");
  const error = isAffitor ? message : { code: "SERVICE_UNAVAILABLE", message };
  const headers = {
    "cache-control": "no-store",
    "retry-after": "1",
    "x-content-type-options": "nosniff",
    "x-request-id": `req_${crypto.randomUUID().replaceAll("-", "").slice(0, 22)}`,
  };
  return Response.json(isAffitor ? { error } : { success: false, error }, { status: 503, headers });
}
