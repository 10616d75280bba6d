// The built server with mock models, in a folder of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const MASTER = "sk-master-of-the-browser-tests";

const CONFIG = `
model_list:
  - model_name: quick
    litellm_params: {model: mock/start-20ms-pace-5ms-long-30, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008}
  - model_name: thoughtful
    litellm_params: {model: mock/reasoning-start-60ms-pace-5ms-long-40, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015}
  - {model_name: broken, litellm_params: {model: mock/error-500}}
router_settings: {num_retries: 0, fallbacks: [{thoughtful: [quick]}, {broken: [quick]}], retry_policy: {TimeoutErrorRetries: 2}}
general_settings: {store_prompts_in_spend_logs: true}
litellm_settings: {cache: true, cache_params: {type: local, mode: default_off}}
guardrails:
  - {guardrail_name: no-secrets, litellm_params: {guardrail: hide-secrets, mode: pre_call, default_on: true}}
`;

/** Starts one; `keyless`: it wants no key. */
export async function gateway({ keyless = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "llm-browser-"));
  const port = await freePort();
  writeFileSync(join(folder, "config.yaml"), `${CONFIG}\nserver: {data_directory: ${folder}/data}\n`);
  const program = process.env.LLM_SERVER ?? new URL("../../target/debug/llm-server", import.meta.url).pathname;
  const env = { PATH: process.env.PATH, HOME: folder, ...(keyless ? {} : { LLM_MASTER_KEY: MASTER }) };
  const child = spawn(program, ["--config", join(folder, "config.yaml"), "--host", "127.0.0.1", "--port", String(port)], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stdout.on("data", (text) => (log += text));
  child.stderr.on("data", (text) => (log += text));
  const url = `http://127.0.0.1:${port}`;
  await ready(url, () => log);
  const ask = async (path, body, key = MASTER) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return { status: answer.status, body: await answer.json().catch(() => null) };
  };
  const stop = async () => {
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, ask, stop };
}

async function ready(url, log) {
  for (let tries = 0; tries < 200; tries++) {
    const is = await fetch(`${url}/health/readiness`).then((answer) => answer.ok, () => false);
    if (is) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the server does not answer: ${log()}`);
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
