// The dashboard in a real browser, against the built server with mock models.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { browser as launch, isTooWide, open, stumbles } from "./browser.mjs";
import { gateway, MASTER } from "./gateway.mjs";

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([launch(), gateway()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function signIn(page, key = MASTER) {
  await page.goto(`${server.url}/ui/`);
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Keeps a picture for somebody to look at, where a folder is named. */
async function look(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true });
}

async function signedIn(size) {
  const opened = await open(browser, size);
  await signIn(opened.page);
  await opened.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  return opened;
}

test("a wrong key is refused, the right one is let in, and signing out ends it", async () => {
  const { page, wrong, close } = await open(browser);
  await signIn(page, "sk-wrong");
  await page.getByRole("alert").getByText("unknown, expired or blocked").waitFor();
  assert.deepEqual(await stumbles(page), []);
  await signIn(page);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "", "no script reads the session");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.goto(`${server.url}/ui/keys`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  // The browser itself logs that the wrong key got a 401.
  assert.deepEqual(wrong.filter((line) => !line.includes("401")), []);
  await close();
});

/** Opens the logs when the call of a key is in them: rows are booked a second after their calls. */
async function openLogsWith(page, alias) {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const rows = await server.ask("/spend/logs/v2?page_size=50");
    if (JSON.stringify(rows.body).includes(alias)) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  await page.goto(`${server.url}/ui/logs`);
  await page.getByText(alias).first().waitFor();
}

test("a key is made, shown once, used, limited, found in the logs, blocked and deleted", async () => {
  const { page, wrong, close } = await signedIn();
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page.getByRole("button", { name: "New key" }).first().click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("browser-bot");
  await form.getByLabel("Budget").fill("5");
  await page.getByRole("button", { name: "Make the key" }).click();
  // It is there before its dialog is open, which is what Escape closes.
  await page.getByRole("dialog", { name: "Here is the key" }).waitFor();
  const key = await page.locator("[data-key]").textContent();
  assert.match(key, /^sk-/);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  const asked = await server.ask("/v1/chat/completions", { model: "quick", messages: [{ role: "user", content: "Hello!" }] }, key);
  assert.equal(asked.status, 200);
  await page.keyboard.press("/");
  await page.keyboard.type("browser");
  await page.getByRole("link", { name: /browser-bot/ }).click();
  await page.getByRole("heading", { level: 1, name: /browser-bot/ }).waitFor();
  assert.equal(await page.getByText(key).count(), 0, "it is not shown again");
  await openLogsWith(page, "browser-bot");
  await page.locator("tr.leads").first().getByRole("link").first().click();
  await page.getByRole("heading", { name: "Usage and prices" }).waitFor();
  assert.deepEqual(await stumbles(page), []);

  await page.goBack();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: /browser-bot/ }).waitFor();
  await page.getByRole("button", { name: "Block" }).click();
  await page.getByText("blocked", { exact: true }).waitFor();
  const refused = await server.ask("/v1/chat/completions", { model: "quick", messages: [{ role: "user", content: "Hello!" }] }, key);
  assert.equal(refused.status, 401);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the key" }).click();
  await page.getByRole("heading", { level: 1, name: "Keys" }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("the playground streams two models side by side, with what each costs", async () => {
  const { page, wrong, close } = await signedIn();
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByLabel("Model 1", { exact: true }).and(page.locator("select")).selectOption("quick");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByLabel("Model 2", { exact: true }).and(page.locator("select")).selectOption("thoughtful");
  await page.getByLabel("Message").fill("Tell me something.");
  await page.keyboard.press("Enter");
  await page.locator("[data-cost]").nth(1).waitFor();
  const answers = await page.locator(".words").allTextContents();
  assert.equal(answers.length, 2);
  answers.forEach((answer) => assert.ok(answer.length > 40, answer));
  (await page.locator("[data-cost]").allTextContents()).forEach((cost) => assert.match(cost, /^\$0\.\d+/));
  assert.deepEqual(await stumbles(page), []);
  assert.deepEqual(wrong, []);
  await close();
});

test("people, budgets and deployments are made, changed and deleted", async () => {
  const { page, wrong, close } = await signedIn();
  await page.goto(`${server.url}/ui/teams`);
  await page.getByRole("button", { name: "New team" }).first().click();
  await page.getByRole("dialog").getByLabel("Name").fill("Browsers");
  await page.getByRole("button", { name: "Make the team" }).click();
  await page.getByRole("heading", { level: 1, name: /Browsers/ }).waitFor();
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("dialog").getByLabel("User").fill("mia@example.com");
  await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
  await page.getByRole("link", { name: "mia@example.com" }).waitFor();

  await page.goto(`${server.url}/ui/budgets`);
  await page.getByRole("button", { name: "New budget" }).click();
  await page.getByRole("dialog").getByLabel("Id").fill("starter");
  await page.getByRole("button", { name: "Make the budget" }).click();
  await page.getByRole("button", { name: "starter", exact: true }).waitFor();

  await page.goto(`${server.url}/ui/models`);
  await page.getByRole("button", { name: "Add a deployment" }).click();
  await page.getByRole("dialog").getByLabel("Public name").fill("added");
  await page.getByRole("dialog").getByLabel("Vendor's model").fill("mock/echo");
  await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("link", { name: /^added/ }).click();
  await page.getByRole("button", { name: "Test" }).click();
  await page.getByText(/It answered in/).waitFor();
  await page.getByRole("button", { name: "Delete the deployment" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the deployment" }).click();
  await page.getByText("Nothing serves this model").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("a guardrail is made, holds at once, is changed, switched and deleted", async () => {
  const { page, wrong, close } = await signedIn();
  const status = async (content) => (await server.ask("/v1/chat/completions", { model: "quick", messages: [{ role: "user", content }] })).status;
  await page.goto(`${server.url}/ui/guardrails`);
  await page.getByRole("button", { name: "New guardrail" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("fruit");
  await form.getByLabel("Looks for").selectOption("banned_keywords");
  await form.getByLabel("Parameters").fill('{"keywords": ["mango"]');
  await form.getByRole("button", { name: "Make the guardrail" }).click();
  await form.getByRole("alert").getByText("no JSON").waitFor();
  await form.getByLabel("Parameters").fill('{"keywords": ["mango"]}');
  await form.getByLabel("For", { exact: true }).selectOption("all");
  assert.deepEqual(await stumbles(page), []);
  await look(page, "guardrail-form");
  await form.getByRole("button", { name: "Make the guardrail" }).click();
  const list = page.getByRole("region", { name: "Guardrails" });
  await list.getByText("database").waitFor();
  assert.deepEqual([await status("a mango"), await status("a pear")], [400, 200]);
  await list.getByText("fruit", { exact: true }).click();
  await page.getByRole("dialog").getByLabel("Parameters").fill('{"keywords": ["pear"]}');
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual([await status("a mango"), await status("a pear")], [200, 400]);
  await list.getByRole("button", { name: "fruit: for all calls" }).click();
  await list.getByRole("button", { name: "fruit: for all calls", pressed: false }).waitFor();
  assert.equal(await status("a pear"), 200);
  await list.getByRole("button", { name: "Delete fruit" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the guardrail" }).click();
  await list.getByText("database").waitFor({ state: "detached" });
  // Those of the configuration are shown, and changed there.
  await list.getByText("no-secrets", { exact: true }).click();
  await page.getByText("it is changed there").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test("who is told of alerts is set, tried and given back", async () => {
  const heard = [];
  const program = createServer((asked, answer) => { heard.push(asked.url); asked.resume(); answer.end("ok"); }).listen(0, "127.0.0.1");
  await new Promise((done) => program.once("listening", done));
  const address = `http://127.0.0.1:${program.address().port}`;
  const { page, wrong, close } = await signedIn();
  await page.goto(`${server.url}/ui/budgets`);
  await page.getByText("Nobody is told of budgets").waitFor();
  await page.getByRole("button", { name: "Change: Alerts" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("a program, with fields").check();
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByRole("alert").getByText("address").waitFor();
  wrong.length = 0;
  await form.getByLabel("The program's address").fill(`${address}/in?key=hidden-word`);
  await form.getByLabel("an answer took long").uncheck();
  assert.deepEqual(await stumbles(page), []);
  await look(page, "alerts-form");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText(`${address}/***`).waitFor();
  await page.getByRole("button", { name: "Send a test to webhook" }).click();
  await page.getByText("A test alert was taken there").waitFor();
  assert.deepEqual(heard, ["/in?key=hidden-word"]);
  assert.ok(!(await page.content()).includes("hidden-word"));
  assert.deepEqual(await stumbles(page), []);
  await look(page, "alerts");
  await page.getByRole("button", { name: "Change: Alerts" }).click();
  await page.getByRole("button", { name: "Give back to the configuration" }).click();
  await page.getByText("Nobody is told of budgets").waitFor();
  assert.deepEqual(wrong, []);
  await close();
  program.close();
});

test("a callback is added, told of calls, changed and ended", async () => {
  const heard = [];
  const program = createServer((asked, answer) => { heard.push([asked.url, asked.headers["x-key"]]); asked.resume(); answer.end("ok"); }).listen(0, "127.0.0.1");
  await new Promise((done) => program.once("listening", done));
  const address = `http://127.0.0.1:${program.address().port}`;
  const call = () => server.ask("/v1/chat/completions", { model: "quick", messages: [{ role: "user", content: "Hello!" }] });
  const arrives = async (path) => {
    for (const until = Date.now() + 20_000; Date.now() < until && !heard.some(([url]) => url === path); ) await new Promise((done) => setTimeout(done, 100));
    assert.deepEqual(heard.at(-1), [path, "hidden-word"]);
  };
  const { page, wrong, close } = await signedIn();
  await page.goto(`${server.url}/ui/settings`);
  await page.getByRole("button", { name: "New callback" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("logs");
  await form.getByLabel("Address").fill("nowhere");
  await form.getByRole("button", { name: "Add the callback" }).click();
  await form.getByRole("alert").getByText("address").waitFor();
  wrong.length = 0;
  await form.getByLabel("Address").fill(`${address}/one`);
  await form.getByLabel("Headers").fill("x-key=hidden-word");
  assert.deepEqual(await stumbles(page), []);
  await look(page, "callback-form");
  await form.getByRole("button", { name: "Add the callback" }).click();
  const list = page.getByRole("region", { name: "Callbacks" });
  await list.getByText("database").waitFor();
  assert.equal((await call()).status, 200);
  await arrives("/one");
  assert.deepEqual(await stumbles(page), []);
  await look(page, "callbacks");
  await list.getByText("logs", { exact: true }).click();
  await form.getByLabel("Address").fill(`${address}/two`);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.ok(!(await page.content()).includes("hidden-word"));
  assert.equal((await call()).status, 200);
  await arrives("/two");
  await list.getByRole("button", { name: "End logs" }).click();
  await form.getByRole("button", { name: "End the callback" }).click();
  await list.getByText("database").waitFor({ state: "detached" });
  assert.deepEqual(wrong, []);
  await close();
  program.close();
});

test("a guardrail is tried, and the cache forgets", async () => {
  const { page, wrong, close } = await signedIn();
  await page.goto(`${server.url}/ui/guardrails`);
  await page.getByRole("button", { name: "Judge it" }).click();
  await page.getByRole("status").getByText(/\[|REDACTED|Refused/).first().waitFor();
  await page.goto(`${server.url}/ui/cache`);
  await page.getByRole("button", { name: "Forget all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Forget all" }).click();
  await page.getByText("All answers are forgotten").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

async function ask(model, content) {
  const asked = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${MASTER}`, "content-type": "application/json" }, body: JSON.stringify({ model, messages: [{ role: "user", content }] }) });
  assert.equal(asked.status, 200);
  return asked.headers.get("x-litellm-call-id");
}

/** Waits until the row of a call is booked, and what was said in it is kept. */
async function booked(id) {
  for (let tries = 0; tries < 100; tries++) {
    const { body } = await server.ask(`/spend/logs?request_id=${id}`);
    if (Array.isArray(body?.[0]?.messages)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the call is not booked");
}

test("a call shows its trail and what was said", async () => {
  const { page, wrong, close } = await signedIn();
  const id = await ask("broken", "Who goes there? My key is AKIAIOSFODNN7EXAMPLE.");
  await booked(id);
  await page.goto(`${server.url}/ui/logs/${id}`);
  const trail = page.getByRole("list", { name: "Trail" });
  await trail.getByText(/failed with .* \(500\)/).waitFor();
  await trail.getByText(/fallback after/).waitFor();
  await trail.getByText("answered").waitFor();
  await page.getByText("Who goes there?").first().waitFor();
  assert.equal(await page.getByText("AKIAIOSFODNN7EXAMPLE").count(), 0, "it was masked");
  await page.getByText("Request as it came").click();
  assert.deepEqual(await stumbles(page), []);
  await look(page, "call");
  await page.goto(`${server.url}/ui/guardrails`);
  await page.getByRole("region", { name: "Found last" }).getByText("masked").first().waitFor();
  await look(page, "guardrails");
  await page.getByRole("region", { name: "Found last" }).getByText("no-secrets").first().click();
  await page.getByRole("heading", { name: "Trail" }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("the router is set, says where a setting comes from, and is given back", async () => {
  const { page, wrong, close } = await signedIn();
  await page.goto(`${server.url}/ui/router`);
  await page.getByText("2 after a timeout").waitFor();
  await page.getByRole("button", { name: "Change: Retries" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Retries", { exact: true }).fill("3");
  await form.getByLabel("after too many requests").fill("5");
  assert.deepEqual(await stumbles(page), []);
  await look(page, "router-form");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("It holds from now on").waitFor();
  await page.getByText("5 after too many requests").waitFor();
  await page.getByText("database", { exact: true }).first().waitFor();
  await look(page, "router");
  const { body } = await server.ask("/router/settings");
  assert.equal(body.current_values.num_retries, 3);
  assert.deepEqual(body.current_values.retry_policy, { TimeoutErrorRetries: 2, RateLimitErrorRetries: 5 });
  await page.goto(`${server.url}/ui/models/quick`);
  await page.getByText("after too many requests").waitFor();

  await page.goto(`${server.url}/ui/router`);
  await page.getByRole("button", { name: "Change: Fallbacks" }).click();
  await form.getByRole("button", { name: "Add" }).first().click();
  await form.getByLabel("Model", { exact: true }).last().fill("quick");
  await form.getByLabel("Goes to, in order").last().fill("thoughtful");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("It holds from now on").first().waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual((await server.ask("/router/settings")).body.stored.fallbacks.at(-1), { quick: ["thoughtful"] });
  for (const part of ["Retries", "Fallbacks"]) {
    await page.getByRole("button", { name: `Change: ${part}` }).click();
    await form.getByRole("button", { name: "Give back to the configuration" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  assert.deepEqual((await server.ask("/router/settings")).body.stored, {});
  assert.deepEqual(wrong, []);
  await close();
});

test("a user sees what is theirs", async () => {
  const made = await server.ask("/user/new", { user_id: "mia-of-the-browser", user_role: "internal_user" });
  const { page, wrong, close } = await open(browser);
  await signIn(page, made.body.key);
  await page.getByText("What your own keys did.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
  for (const path of ["", "keys", "logs", "models", "playground", "settings"]) {
    await page.goto(`${server.url}/ui/${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForLoadState("networkidle");
    assert.equal(await page.getByRole("alert").count(), 0, `${path}: ${await page.getByRole("alert").allTextContents()}`);
  }
  assert.deepEqual(wrong, []);
  await close();
});

const PAGES = ["", "logs", "playground", "keys", "teams", "users", "organizations", "customers", "budgets", "models", "models/quick", "router", "guardrails", "cache", "audit", "settings", "no-such-page"];

for (const [name, size] of Object.entries({ light: {}, dark: { dark: true }, narrow: { width: 400, height: 860 } })) {
  test(`every page is whole and can be used by everybody: ${name}`, async () => {
    const { page, wrong, close } = await signedIn(size);
    for (const path of PAGES) {
      await page.goto(`${server.url}/ui/${path}`);
      await page.locator("main h1, main h3").first().waitFor();
      await page.waitForLoadState("networkidle");
      const told = await page.getByRole("alert").allTextContents();
      const found = [...told, ...(await stumbles(page)), ...((await isTooWide(page)) ? ["it is too wide"] : [])];
      wrong.push(...found.map((one) => `${path}: ${one}`));
      await look(page, `${name}-${path.replace("/", "-") || "overview"}`);
    }
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("without a master key there is no sign in, and the page says so", async () => {
  const keyless = await gateway({ keyless: true });
  const { page, wrong, close } = await open(browser);
  await page.goto(`${keyless.url}/ui/`);
  await page.getByText("This gateway wants no key").waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
  await keyless.stop();
});
