// The Worker's entry in the test of jurisdictions. The local runtime knows none: what stands for the namespaces here writes
// down which objects were asked for and in which, and hands out the runtime's own.
import Ledger from "./index.js";

export { ClickLedger, KeyLimiter, Scheduler, WebhookSender } from "./index.js";

const asked = [];

/** The Worker looks at what a binding's class is called. */
class DurableObjectNamespace {
  #all;
  #jurisdiction;

  constructor(all, jurisdiction = null) {
    this.#all = all;
    this.#jurisdiction = jurisdiction;
  }

  jurisdiction(word) {
    return new DurableObjectNamespace(this.#all, word);
  }

  getByName(name, options) {
    asked.push({ name, jurisdiction: this.#jurisdiction, location: options?.locationHint ?? null });
    return this.#all.getByName(name, options);
  }
}

const BINDINGS = ["CLICK_LEDGER", "SCHEDULER", "KEY_LIMITER", "WEBHOOK_SENDER"];

export default class extends Ledger {
  constructor(context, env) {
    super(context, { ...env, ...Object.fromEntries(BINDINGS.map((name) => [name, new DurableObjectNamespace(env[name])])) });
  }

  /** `GET /asked`: the objects that were asked for. */
  fetch(request) {
    return new URL(request.url).pathname === "/asked" ? Response.json(asked) : super.fetch(request);
  }
}
