// A visitor who came through the links of two affiliates: the program's model says whose they are, in the cookie and for
// the sign-up; each visit is a click once.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startScene } from "./visits.mjs";

const models = { last_click: "last", first_click: "first" };

for (const [attribution_model, counts] of Object.entries(models)) {
  const scene = await startScene({ after }, { program: { attribution_model } });
  const shop = (path) => scene.site.at("www.shop.test", path);

  describe(`under ${attribution_model}`, () => {
    test(`the ${counts} of two affiliates has the cookies and the sign-up`, async (t) => {
      const visitor = await scene.begin(t);
      const [alice, bob] = [visitor.partner, await scene.partner()];
      await visitor.open(shop(`/?aff=${alice}`));
      const first = await visitor.clicked();
      await visitor.settled();
      await visitor.open(shop(`/?aff=${bob}`));
      const [second] = await scene.clicks(bob, 1);
      await visitor.settled();
      const counting = counts === "last" ? second : first;
      for (const name of ["affitor_click_id", "affonso_referral"]) assert.equal(await visitor.cookie(name), counting);
      assert.equal(await visitor.page.evaluate(() => self.affonso_referral), counting);
      assert.deepEqual(await scene.clicks(alice, 1), [first]);

      const user = `user_of_${counts}`;
      const result = await visitor.call("affitor.signup", user, "jane@example.com");
      assert.deepEqual(result, { recorded: true, click_id: counting, status: "lead" });
      assert.deepEqual(await scene.referralOf(user), { id: counting, partner: counts === "last" ? bob : alice });
    });

    test("the second one's link seen again is no further click", async (t) => {
      const visitor = await scene.begin(t);
      const bob = await scene.partner();
      await visitor.open(shop(`/?aff=${visitor.partner}`));
      await visitor.clicked();
      for (const path of [`/?aff=${bob}`, `/?aff=${bob}`, "/cart", `/pricing?via=${bob}`]) {
        await visitor.open(shop(path));
        await visitor.page.waitForLoadState("networkidle");
        await visitor.settled();
      }
      assert.equal((await scene.clicks(bob, 1)).length, 1);
      assert.equal(scene.gate.sent("click").length, 2);
    });

    test("a sign-up right after the second landing waits for its answer", async (t) => {
      const visitor = await scene.begin(t);
      const bob = await scene.partner();
      await visitor.open(shop(`/?aff=${visitor.partner}`));
      const first = await visitor.clicked();
      const { promise: answered, resolve: answer } = Promise.withResolvers();
      scene.gate.hold = ({ path }) => path.endsWith("/click") && answered;
      const user = `hasty_${counts}`;
      visitor.page.goto(shop(`/?aff=${bob}`)).catch(() => {});
      await visitor.page.waitForURL(/aff=partner_.*/);
      await visitor.page.waitForFunction(() => self.affitor?.signup);
      const signedUp = visitor.call("affitor.signup", user, "joe@example.com");
      const [second] = await scene.clicks(bob, 1);
      assert.equal(scene.gate.sent("lead").length, 0);
      answer();
      assert.equal((await signedUp).click_id, counts === "last" ? second : first);
      assert.equal((await scene.referralOf(user)).partner, counts === "last" ? bob : visitor.partner);
    });

    test("two landings on one page, one right after the other, arrive in their order", async (t) => {
      const visitor = await scene.begin(t);
      const bob = await scene.partner();
      let calls = 0;
      // The first answer takes longer than the second would.
      scene.gate.hold = () => new Promise((resolve) => setTimeout(resolve, calls++ === 0 ? 500 : 0));
      await visitor.open(shop(`/?aff=${visitor.partner}`));
      await visitor.page.evaluate((bob) => history.pushState(null, "", `/?aff=${bob}`), bob);
      const [first] = await scene.clicks(visitor.partner, 1);
      const [second] = await scene.clicks(bob, 1);
      await visitor.settled();
      assert.equal(await visitor.cookie("affitor_click_id"), counts === "last" ? second : first);
    });
  });
}
