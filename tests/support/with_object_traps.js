// The Worker's entry in the test of a shard that traps. It runs in workerd, around the built Worker, which has no way to be
// made to trap: here the clock lets it down while a shard is at work, with the error that WebAssembly itself throws.
import Ledger, { ClickLedger as BuiltLedger } from "./index.js";

export { KeyLimiter, Scheduler, WebhookSender } from "./index.js";

let isWanted = false;
let isDue = false;
let traps = 0;

const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct(target, parts, made) {
    if (isDue && parts.length === 0) {
      isDue = false;
      traps += 1;
      throw new WebAssembly.RuntimeError("unreachable");
    }
    return Reflect.construct(target, parts, made);
  },
});

export class ClickLedger extends BuiltLedger {
  fetch(request) {
    if (isWanted) {
      isWanted = false;
      isDue = true;
    }
    return super.fetch(request);
  }
}

export default class extends Ledger {
  /** `POST /traps`: the next call of a shard of this instance is to trap. `GET /traps`: how many have. */
  fetch(request) {
    if (new URL(request.url).pathname !== "/traps") return super.fetch(request);
    if (request.method === "POST") isWanted = true;
    return Response.json(traps);
  }
}
