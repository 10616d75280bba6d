// A real Chromium, and pages that fail a test when anything is wrong with them.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const PROGRAMS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const AXE = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export function browser() {
  const executablePath = PROGRAMS.find((program) => program && existsSync(program));
  assert.ok(executablePath, "no Chromium: install it, or name it in CHROMIUM");
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath, args });
}

/**
 * A page in a browser of its own, and what went wrong on it: errors, and what its policy forbade. With DASHBOARD_DIST the
 * built files are taken from that folder, without building the server anew.
 */
export async function open(browser, { width = 1280, height = 800, dark = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  if (process.env.DASHBOARD_DIST) await page.route(/\/ui\/app\.(js|css)/, (route) => route.fulfill({ path: process.env.DASHBOARD_DIST + new URL(route.request().url()).pathname.slice(3) }));
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (line) => line.type() === "error" && wrong.push(`${line.text()} ${line.location().url}`));
  page.on("request", (request) => new URL(request.url()).hostname !== "127.0.0.1" && wrong.push(`asked ${request.url()}`));
  return { page, wrong, close: () => context.close() };
}

/** What somebody who cannot see, or has no mouse, would stumble over. */
export async function stumbles(page) {
  // Run by the debugger: the page's policy lets no script in from elsewhere.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
}

/** Whether a page is wider than the screen. */
export function isTooWide(page) {
  return page.evaluate(() => {
    const main = document.getElementById("main");
    return document.documentElement.scrollWidth > innerWidth + 1 || (main !== null && main.scrollWidth > main.clientWidth + 1);
  });
}
