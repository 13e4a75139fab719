// Where WebAssembly is missing, or a policy forbids it: the fallback makes the same decisions, and sends the same.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  becameOneLead,
  land,
  lasting,
  newCustomer,
  nothingStored,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
  visit,
} from "../support/shop.mjs";

const browser = sharedBrowser();
const file = lasting();
let shop;
before(async () => {
  shop = await startShop(file);
});

/** Serves all pages under this policy. */
function under(t, policy) {
  restoreAfter(t, shop);
  shop.site.headers = { "content-security-policy": policy };
}

/** A visitor whose pages note what their policy has forbidden. */
async function policed(t) {
  const visitor = await openVisitor(t, browser);
  await visitor.context.addInitScript(() => {
    window.forbidden = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      window.forbidden.push(`${effectiveDirective} ${blockedURI}`);
    });
  });
  return { ...visitor, forbidden: () => visitor.page.evaluate(() => window.forbidden) };
}

/** Lands, signs up, and comes back: all of it recorded, with these files of the tracker. */
async function assertRecorded(visitor, files, path) {
  const { page } = visitor;
  const clickId = await land(visitor, shop, { path });
  const customer = newCustomer();
  assert.deepEqual(await signUp(page, customer), { recorded: true, click_id: clickId, status: "lead" });
  await becameOneLead(shop, clickId, customer);
  await nothingStored(page);
  assert.deepEqual(visitor.files(), files);
  const [click] = visitor.calls("click").map((request) => request.postDataJSON());
  const [lead] = visitor.calls("lead").map((request) => request.postDataJSON());
  return { clickId, customer, click, lead };
}

const WITH_WASM = ["tracker", "core"];
const WITHOUT = ["tracker", "core", "fallback"];
const host = () => shop.ledger.url;
const strict = (scripts) => `default-src 'none'; script-src ${host()} ${scripts}; connect-src ${host()}`;

test("a strict policy without 'wasm-unsafe-eval': the fallback is loaded, and nothing else is forbidden", async (t) => {
  under(t, strict(""));
  const visitor = await policed(t);
  await assertRecorded(visitor, WITHOUT);
  assert.deepEqual(await visitor.forbidden(), ["script-src wasm-eval"]);
});

test("a strict policy with it: the WebAssembly is used, and no fallback is asked for", async (t) => {
  under(t, strict("'wasm-unsafe-eval'"));
  const visitor = await policed(t);
  await assertRecorded(visitor, WITH_WASM);
  assert.deepEqual(await visitor.forbidden(), []);
});

for (const [says, scripts] of [
  ["a nonce alone", "'nonce-abc'"],
  ["a nonce and 'strict-dynamic'", "'nonce-abc' 'strict-dynamic'"],
]) {
  test(`a policy of ${says}: all of the tracker's files are let in by the tag's nonce`, async (t) => {
    under(t, `default-src 'none'; script-src ${scripts}; connect-src ${host()}`);
    shop.attributes = 'nonce="abc"';
    const visitor = await policed(t);
    await assertRecorded(visitor, WITHOUT);
    assert.deepEqual(await visitor.forbidden(), ["script-src wasm-eval"]);
  });
}

for (const [says, scripts, files] of [
  ["with the WebAssembly", "'wasm-unsafe-eval'", WITH_WASM],
  ["with the fallback", "", WITHOUT],
]) {
  test(`Trusted Types, ${says}: no text is made a script or its address`, async (t) => {
    under(t, `${strict(scripts)}; require-trusted-types-for 'script'; trusted-types 'none'`);
    const visitor = await policed(t);
    await assertRecorded(visitor, files);
    const forbidden = (await visitor.forbidden()).filter((what) => !what.endsWith("wasm-eval"));
    assert.deepEqual(forbidden, []);
  });
}

test("a policy that forbids the calls: the page goes on, and the sign-up is kept", async (t) => {
  under(t, `default-src 'none'; script-src ${host()}`);
  const visitor = await policed(t);
  const { page } = visitor;
  await visit(visitor, shop, "/?aff=alice");
  await page.waitForFunction(() => window.forbidden.some((what) => what.startsWith("connect-src")));
  assert.deepEqual(await signUp(page, newCustomer()), { recorded: false, reason: "queued" });
  assert.equal(visitor.calls("lead").length, 0);
});

describe("where there is no WebAssembly", () => {
  const without = (visitor, how) => visitor.context.addInitScript(how);
  const ways = {
    missing: () => delete window.WebAssembly,
    undefined: () => Object.defineProperty(window, "WebAssembly", { value: undefined }),
    "a stub that throws": () => {
      const refuse = () => {
        throw new Error("refused");
      };
      Object.defineProperty(window, "WebAssembly", { value: { Module: refuse, Instance: refuse } });
    },
  };
  for (const [says, how] of Object.entries(ways)) {
    test(`(${says}) click and sign-up are recorded by the fallback`, async (t) => {
      const visitor = await openVisitor(t, browser);
      await without(visitor, how);
      await assertRecorded(visitor, WITHOUT);
    });
  }

  for (const path of ["/?aff=alice", "/caf%C3%A9/p?x=1&via=%61lice&aff=&y=%zz#top", "/?ref=a+b&aff=ali%63e"]) {
    test(`both cores send the same for ${path}`, async (t) => {
      const visits = [];
      for (const [files, how] of [
        [WITH_WASM, () => {}],
        [WITHOUT, ways.missing],
      ]) {
        const visitor = await openVisitor(t, browser);
        await without(visitor, how);
        const recorded = await assertRecorded(visitor, files, path);
        const cookies = await visitor.context.cookies();
        const kept = cookies.map(({ name, value, domain, path }) => ({ name, value, domain, path }));
        visits.push({ ...recorded, cookies: kept.sort((a, b) => a.name.localeCompare(b.name)) });
      }
      const [one, other] = visits;
      for (const { click, lead, clickId, customer } of visits) {
        assert.match(click.event_id, /^[!-~]{10,60}$/);
        assert.match(lead.event_id, /^[!-~]{10,60}$/);
        assert.equal(lead.click_id, clickId);
        assert.equal(lead.customer_key, customer.key);
      }
      const comparable = ({ click, lead, cookies, clickId, customer }) => ({
        click: { ...click, event_id: "" },
        lead: { ...lead, event_id: "", click_id: "", customer_key: "", email: lead.email.replace(customer.key.toLowerCase(), "") },
        cookies: cookies.map((cookie) => ({ ...cookie, value: cookie.value.replace(clickId, "") })),
      });
      assert.deepEqual(comparable(other), comparable(one));
      assert.deepEqual(Object.keys(other.click), Object.keys(one.click));
      assert.equal(one.click.partner_code, "alice");
    });
  }
});
