// The Worker's entry in the test of panics. It runs in workerd, around the built Worker, which has no way to be made to
// panic: here the runtime lets it down. Randomness fails, which is the one panic that the Worker's code has. The shards
// that are at work for others live in the same instance and end with it.
import Ledger from "./index.js";

export { ClickLedger, KeyLimiter, Scheduler, WebhookSender } from "./index.js";

let isWanted = false;
let panics = 0;

const getRandomValues = crypto.getRandomValues.bind(crypto);
crypto.getRandomValues = (bytes) => {
  if (!isWanted) return getRandomValues(bytes);
  isWanted = false;
  panics += 1;
  throw new Error("no randomness");
};

export default class extends Ledger {
  /** `POST /panics`: one is to happen as soon as randomness is drawn. `GET /panics`: how many have. */
  fetch(request) {
    if (new URL(request.url).pathname !== "/panics") return super.fetch(request);
    if (request.method === "POST") isWanted = true;
    return Response.json(panics);
  }
}
