import { test } from "vitest";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";
test("x", async () => {
  const shop = await startShopPage();
  const scene = await makeScene(planTree(shop.url));
  const go = async (...a: string[]) => { const t = Date.now(); const r = await scene.rollout(...a); console.log(a.join(" "), r.status, Date.now() - t, "\n" + r.stdout, "\nERR " + r.stderr); };
  await go("validate", "plan.yaml"); await go("advance", "plan.yaml", "--dry-run");
  await go("advance", "plan.yaml"); await go("advance", "plan.yaml"); await go("status"); await go("status","checkout"); await go("metrics", "plan.yaml");
  await go("advance", "plan.yaml", "--dry-run"); 
  shop.errors.treatment = 400;
  await go("advance", "plan.yaml"); await go("advance", "plan.yaml"); await go("log","checkout"); await go("log","verify","checkout");
  await go("advance", "plan.yaml", "--detailed-exitcode"); 
  await go("advance", "plan.yaml", "--dry-run"); 
  await go("advence"); await go("advance", "plan.yaml", "--jsn"); await go("--json", "advance", "nope.yaml");
  console.log(await scene.usersWithFeature());
}, 60000);
