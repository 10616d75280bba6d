// One call in full: who, what, how long, and what each kind of tokens cost.

import { get, type Row } from "../../lib/api";
import { millis, money, number, time } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { href } from "../../lib/route";
import { Card, Code, Copy, Empty, Facts, Head, Names, Notice, Problem, Skeleton } from "../../parts/basics";
import { firstToken, Outcome } from "./calls";

export function OneCall({ id }: { id: string }) {
  const found = useLoad((signal) => get<Row[]>("/spend/logs", { request_id: id }, signal), [id]);
  const back = { to: href("logs"), name: "Logs" };
  const call = found.data?.[0];
  if (!call) {
    return (
      <>
        <Head title="Call" back={back} />
        {found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : found.data ? <Empty icon="search" title="No such call">It may be older than what is kept, or somebody else's. A call shows up a moment after it ended.</Empty> : <Skeleton rows={6} />}
      </>
    );
  }
  const { metadata } = call;
  const error = metadata.error_information;
  return (
    <>
      <Head back={back} title={<>{call.model_group || metadata.requested_model} <Outcome of={call} /></>} about={<span class="row tight"><span class="mono cut">{call.litellm_call_id}</span><Copy text={call.litellm_call_id} /></span>} />
      {error && <Notice tone="warn">Failed with <b>{error.error_class}</b>: the client got status {error.error_code}.</Notice>}
      <Timeline call={call} />
      <div class="halves">
        <Card title="Call">
          <Facts
            of={[
              ["Came", time(call.startTime)],
              ["Asked for", metadata.requested_model],
              ["Answered by", call.model_group ? <a href={href(`models/${encodeURIComponent(call.model_group)}`)}>{call.model}</a> : call.model],
              ["Kind", `${call.call_type}${metadata.stream ? ", streamed" : ""}`],
              ["Attempts", `${metadata.attempted_retries + 1}${metadata.attempted_fallbacks ? `, ${metadata.attempted_fallbacks} fallbacks` : ""}`],
              ["Ended", metadata.ending],
              ["Cache", call.cache_hit === "True" ? "kept answer" : "no"],
              ["Vendor's id", call.request_id !== call.litellm_call_id ? <code class="cut">{call.request_id}</code> : "–"],
            ]}
          />
        </Card>
        <Card title="Who">
          <Facts
            of={[
              ["Key", call.api_key ? <a href={href(`keys/${call.api_key}`)}>{metadata.user_api_key_alias ?? <code class="cut">{call.api_key}</code>}</a> : "master key"],
              ["Team", call.team_id ? <a href={href(`teams/${encodeURIComponent(call.team_id)}`)}>{metadata.user_api_key_team_alias ?? call.team_id}</a> : "–"],
              ["User", call.user || "–"],
              ["Organisation", call.organization_id ?? "–"],
              ["Customer", call.end_user || "–"],
              ["Tags", <Names of={call.request_tags} all="–" />],
              ["Session", call.session_id ?? "–"],
              ["From", [call.requester_ip_address, metadata.user_agent].filter(Boolean).join(", ") || "–"],
            ]}
          />
        </Card>
      </div>
      <Trail call={call} />
      <Buckets call={call} />
      <Words of={call} />
      {Object.keys(metadata.requester_metadata ?? {}).length > 0 && <Card title="Metadata"><Code>{JSON.stringify(metadata.requester_metadata, null, 2)}</Code></Card>}
    </>
  );
}

/** How the time went: until the first content, and after it. */
function Timeline({ call }: { call: Row }) {
  const whole = Number(call.request_duration_ms) || 0;
  const first = firstToken(call);
  const tokens = Number(call.completion_tokens);
  const after = first === null ? null : whole - first;
  return (
    <section class="numbers" aria-label="Numbers">
      <div class="sums">
      <div class="sum"><small>Cost</small><b>{money(call.spend)}</b><span class="sum-about">{call.metadata.estimated ? "counted by the gateway" : "by the vendor's count"}</span></div>
      <div class="sum"><small>Tokens</small><b>{number(call.total_tokens)}</b><span class="sum-about">{number(call.prompt_tokens)} in, {number(call.completion_tokens)} out</span></div>
      <div class="sum"><small>Time</small><b>{millis(whole)}</b><span class="sum-about">{first === null ? "from request to end" : `first token after ${millis(first)}`}</span></div>
      <div class="sum"><small>Speed</small><b>{tokens && after ? `${number(Math.round((1_000 * tokens) / Math.max(1, after)))}/s` : tokens && whole ? `${number(Math.round((1_000 * tokens) / whole))}/s` : "–"}</b><span class="sum-about">tokens of the answer</span></div>
      </div>
      {first !== null && whole > 0 && (
        <div class="timeline" role="img" aria-label={`first token after ${millis(first)} of ${millis(whole)}`}>
          <span class="wait-part" style={{ width: `${Math.min(100, (100 * first) / whole)}%` }} />
          <span class="answer-part" />
        </div>
      )}
    </section>
  );
}

const STEPS: Record<string, (step: Row) => string> = {
  failed: (step) => `failed with ${named(step.error)} (${step.status})`,
  broke_off: (step) => `broke off with ${named(step.error)} (${step.status})`,
  outrun: () => "was outrun by another attempt",
  answered: () => "answered",
  passed_over: (step) => `was passed over: ${step.why}`,
  fallback: (step) => `fallback after ${named(step.error)}`,
  left_out: (step) => `was left out: ${step.why}`,
  waited: (step) => (step.for === "room" ? "waited for room" : "waited before another attempt"),
  stopped: (step) => `no more retries: ${step.why}`,
};

const TONES: Record<string, "good" | "bad" | "warn"> = { failed: "bad", broke_off: "bad", answered: "good", outrun: "warn", fallback: "warn", waited: "warn", stopped: "bad" };

function named(error: unknown): string {
  return String(error ?? "an error").replaceAll("_", " ");
}

/** Which deployments were tried, what went wrong, and who answered in the end. */
function Trail({ call }: { call: Row }) {
  const steps: Row[] = call.metadata.trail ?? [];
  if (steps.length === 0) return null;
  return (
    <Card title="Trail">
      <ol class="trail" aria-label="Trail">
        {steps.map((step, at) => (
          <li key={at} class={TONES[step.step]}>
            <span class="trail-step">
              {step.deployment && <code class="cut">{step.deployment}</code>}
              {step.model && <a href={href(`models/${encodeURIComponent(step.model)}`)}>{step.model}</a>}
              <span>{STEPS[step.step]?.(step) ?? step.step}</span>
              {step.took_ms !== undefined && <small>{millis(step.took_ms)}</small>}
            </span>
            {step.reason && <small>{step.reason}</small>}
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** What each kind of tokens cost: how many, and at what price. */
function Buckets({ call }: { call: Row }) {
  const prices = call.metadata.prices_pico_dollars ?? {};
  const used = Object.entries(call.metadata.usage_object ?? {}).filter(([, count]) => typeof count === "number" && count > 0) as [string, number][];
  if (used.length === 0) return null;
  return (
    <Card flush title="Usage and prices">
      <div class="table" tabIndex={0} role="region" aria-label="Usage and prices">
        <table>
          <thead><tr><th scope="col">Of what</th><th scope="col" class="right">Used</th><th scope="col" class="right">Price of a million</th><th scope="col" class="right">Cost</th></tr></thead>
          <tbody>
            {used.map(([name, count]) => {
              const price = Number(prices[name] ?? 0);
              return (
                <tr key={name}>
                  <td>{name.replaceAll("_", " ")}</td>
                  <td class="right">{number(count)}</td>
                  <td class="right">{price ? money(price / 1e6) : "–"}</td>
                  <td class="right">{price ? money((price * count) / 1e12) : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** What was said, where the operator has it kept. */
function Words({ of }: { of: Row }) {
  const isKept = (value: unknown) => typeof value === "object" && value !== null && Object.keys(value).length > 0;
  const asked = of.proxy_server_request;
  if (!isKept(asked) && !isKept(of.response)) return <p class="dim">What was said is not kept: the ledger has who asked, what it used and what it cost. With <code>store_prompts_in_spend_logs</code> in <code>general_settings</code> it is, from then on.</p>;
  const messages: Row[] = Array.isArray(of.messages) && of.messages.every((one: Row) => typeof one === "object" && one !== null && one.role) ? of.messages : [];
  const answer = answered(of.response);
  return (
    <>
      <Card title="What was said">
        <ol class="turns">
          {messages.map((message, at) => <Said key={at} who={message.role} text={words(message.content)} />)}
          {messages.length === 0 && isKept(asked) && <li><Code>{JSON.stringify(asked, null, 2)}</Code></li>}
          {answer !== undefined && <Said who="assistant" text={answer} />}
          {answer === undefined && isKept(of.response) && <li><Code>{JSON.stringify(of.response, null, 2)}</Code></li>}
        </ol>
      </Card>
      <Whole title="Request as it came" of={asked} />
      <Whole title="Answer as it went" of={of.response} />
    </>
  );
}

function Said({ who, text }: { who: string; text: string }) {
  return (
    <li>
      <small>{who}</small>
      <p>{text}</p>
    </li>
  );
}

function Whole({ title, of }: { title: string; of: unknown }) {
  if (typeof of !== "object" || of === null || Object.keys(of).length === 0) return null;
  return (
    <details class="whole">
      <summary>{title}</summary>
      <Code>{JSON.stringify(of, null, 2)}</Code>
    </details>
  );
}

/** The text of a message, whatever its parts are. */
function words(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content ?? null, null, 2);
  return content.map((part) => (typeof part?.text === "string" ? part.text : JSON.stringify(part))).join("\n");
}

/** The text of an answer in the formats that have one in a known place. */
function answered(response: Row | undefined): string | undefined {
  const text = response?.choices?.[0]?.message?.content ?? response?.choices?.[0]?.text ?? response?.content?.[0]?.text ?? response?.candidates?.[0]?.content?.parts?.[0]?.text;
  return typeof text === "string" && text !== "" ? text : undefined;
}
