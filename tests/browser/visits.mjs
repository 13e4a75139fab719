// What the tests of visits share: a site with several names, a ledger behind a gate that allows it, and a partner of its
// own for each test, so that clicks can be counted although all tests of a file have one ledger.
import assert from "node:assert/strict";
import { addAffiliate, eventually, latestClicks, select, unique } from "../api/calls.mjs";
import { openBrowser } from "../support/browser.mjs";
import { startGate } from "../support/gate.mjs";
import { startLedger } from "../support/ledger.mjs";
import { startSite, tag } from "../support/site.mjs";
import { newVisitor } from "../support/visitor.mjs";

/** The site's names; not all of them are the same site. */
export const HOSTS = ["www.shop.test", "shop.test", "app.shop.test", "evilshop.test", "shop.test.evil.test"];

/**
 * Browser, site, ledger and gate for the tests of a file; they end with it.
 *
 * @param t `{ after }` of node:test
 * @param {object} options of `startLedger`; `allowed`: the names that may call, else all of them; `secure`: the site's
 *   pages come by https, and the tracker from the site's own domain
 */
export async function startScene(t, { allowed = HOSTS, secure = false, ...options } = {}) {
  const browser = await openBrowser();
  t.after(() => browser.close());
  const site = await startSite(t, secure ? { secure, prefix: "/partners/" } : {});
  const origins = allowed.map((host) => new URL(site.at(host)).origin);
  const ledger = await startLedger(t, { browser_origins: origins, ...options });
  const gate = await startGate(t, ledger);
  site.ledger = { url: gate.at("127.0.0.1") };
  const script = secure ? "/partners/js/tracker.js" : gate.at("ledger.test", "/js/tracker.js");
  const scene = {
    browser,
    site,
    ledger,
    gate,
    /** The tag, which loads the tracker from another site, if not `secure`. */
    tag: (attributes = "") => tag(script, ledger.fixture.program.id, attributes),
    /** A visitor and a partner that only this test knows; nothing of an earlier test is left at the gate. */
    async begin(t, { attributes, page, ...options } = {}) {
      Object.assign(gate, { calls: [], instead: undefined, hold: undefined, seen: undefined });
      site.page = page ?? (() => scene.tag(attributes));
      return scene.join(t, options);
    },
    /** Another visitor and partner beside those who are there. */
    join: async (t, options) => ({ ...(await newVisitor(t, browser, options)), partner: await scene.partner() }),
    /** A new partner's code. */
    async partner() {
      const code = unique("partner");
      await addAffiliate(ledger, { trackingId: code });
      return code;
    },
    /** The ids of a partner's clicks, out of the shards. */
    clicksOf: async (code) =>
      (await latestClicks(ledger)).filter(({ tracking_id }) => tracking_id === code).map(({ id }) => id),
    /** Waits until so many clicks of a partner's are in the ledger; their ids. */
    clicks: (code, count) =>
      eventually(async () => {
        const ids = await scene.clicksOf(code);
        assert.equal(ids.length, count, `clicks of ${code}`);
        return ids;
      }),
    /** Waits for the customer's referral: its click and whose it is. */
    referralOf: (user, milliseconds) =>
      eventually(async () => {
        const sql =
          "SELECT referral.id, affiliate.tracking_id AS partner FROM referral JOIN affiliate ON affiliate.id = affiliate_id " +
          "WHERE referral.external_user_id = ?";
        const [row] = await select(ledger, sql, user);
        assert.ok(row, `no referral of ${user}`);
        return row;
      }, milliseconds),
  };
  return scene;
}
