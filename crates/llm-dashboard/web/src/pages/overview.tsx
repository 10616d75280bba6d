// The overview: how the gateway does now, and what was used of it over days.

import { useMemo } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { get, type Row } from "../lib/api";
import { millis, money, number, percent, short, shorten } from "../lib/format";
import { useLoad } from "../lib/load";
import { href, setParams } from "../lib/route";
import { byDay, lastDays, recent, usage, type Group, type Moment, type Numbers, type Range, type Usage } from "../lib/usage";
import { useWho } from "../lib/who";
import { Badge, Card, Code, Empty, Head, Notice, Problem, Segments, Skeleton } from "../parts/basics";
import { Chart } from "../parts/chart";
import { COLOURS, Ranking, Ring, Spark, type Ranked } from "../parts/drawings";
import type { PageProps } from "../shell";
import { Calls } from "./logs/calls";

export function Overview({ place }: PageProps) {
  const { seesAll, session } = useWho();
  const days = Number(place.params.get("days")) || 30;
  const range = useMemo(() => lastDays(days), [days]);
  const before = useMemo(() => ({ from: lastDays(2 * days).from, to: lastDays(days + 1).from }), [days]);
  const found = useLoad((signal) => usage("day", range, {}, signal), [days], 30_000);
  const earlier = useLoad((signal) => usage("day", before, {}, signal), [days]);
  return (
    <>
      <Head title="Overview" about={seesAll ? undefined : "What your own keys did."}>
        <Segments label="Time" value={String(days)} options={[["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"]]} onChange={(to) => setParams({ days: to === "30" ? undefined : to })} />
      </Head>
      {!session.wants_key && (
        <Notice tone="warn">
          This gateway wants no key: programs of this machine alone can call it, and everybody here is its administrator. Set <code>LLM_MASTER_KEY</code> and start it again before others use it.
        </Notice>
      )}
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      {seesAll && <Live />}
      <Sums now={found.data} before={earlier.data?.total} range={range} />
      {found.data?.total.requests === 0 ? <First /> : <Charts found={found.data} range={range} />}
      {found.data?.total.requests !== 0 && <Tops range={range} />}
      {found.data && found.data.total.requests !== 0 && <Calls title="Latest calls" filter={{}} size={8} more="logs" every={5_000} />}
    </>
  );
}

/** The last hours, from what the gateway remembers of itself. */
function Live() {
  const { data } = useLoad(recent, [], 5_000);
  const minutes = useMemo(() => byMinute(data?.moments ?? [], data?.interval_seconds ?? 15), [data]);
  const { data: status } = useLoad((signal) => get<{ providers: Row[] }>("/v1/providers/status", {}, signal), [], 15_000);
  if (!data) return <section class="live" aria-hidden="true"><Skeleton rows={1} /></section>;
  const last = minutes.at(-1);
  const of = (pick: (moment: Moment) => number) => minutes.slice(-60).map(pick);
  const down = status?.providers.filter((one) => one.status !== "healthy") ?? [];
  return (
    <section class="live" aria-label="Now">
      <LiveNumber name="In flight" value={number(data.in_flight)} pulse={data.in_flight > 0} />
      <LiveNumber name="Requests a minute" value={short(last?.requests ?? 0)} spark={of((one) => one.requests)} />
      <LiveNumber name="Errors a minute" value={short(last?.failures ?? 0)} spark={of((one) => one.failures)} colour="bad" />
      <LiveNumber name="Latency p50 / p95" value={`${millis(last?.latency_p50_ms)} / ${millis(last?.latency_p95_ms)}`} spark={of((one) => one.latency_p95_ms ?? 0)} colour="c2" />
      <LiveNumber name="First token p50" value={millis(last?.first_token_p50_ms)} spark={of((one) => one.first_token_p50_ms ?? 0)} colour="c3" />
      <a class="live-number" href={href("models")}>
        <small>Deployments</small>
        <b>{status ? (down.length ? <Badge tone="warn" dot>{down.length} of {status.providers.length} failing</Badge> : <Badge tone="good" dot>{status.providers.length} healthy</Badge>) : "–"}</b>
      </a>
    </section>
  );
}

function LiveNumber({ name, value, spark, colour, pulse }: { name: string; value: string; spark?: number[]; colour?: string; pulse?: boolean }) {
  return (
    <div class="live-number">
      <small>
        {pulse && <i class="pulse" />}
        {name}
      </small>
      <b>{value}</b>
      {spark && <Spark values={spark} colour={colour ?? "accent"} width={72} height={20} />}
    </div>
  );
}

/** Moments as minutes: of a percentile the worst of the minute's, of counts the sum. */
export function byMinute(moments: Moment[], interval: number): Moment[] {
  const each = Math.max(1, Math.round(60 / interval));
  const minutes: Moment[] = [];
  for (let end = moments.length; end > 0; end -= each) {
    const of = moments.slice(Math.max(0, end - each), end);
    minutes.unshift(of.reduce((sum, one) => ({
      at: one.at,
      requests: sum.requests + one.requests,
      failures: sum.failures + one.failures,
      tokens: sum.tokens + one.tokens,
      cost: sum.cost + one.cost,
      in_flight: Math.max(sum.in_flight, one.in_flight),
      latency_p50_ms: most(sum.latency_p50_ms, one.latency_p50_ms),
      latency_p95_ms: most(sum.latency_p95_ms, one.latency_p95_ms),
      first_token_p50_ms: most(sum.first_token_p50_ms, one.first_token_p50_ms),
      first_token_p95_ms: most(sum.first_token_p95_ms, one.first_token_p95_ms),
      cache_hits: sum.cache_hits + one.cache_hits,
      cache_misses: sum.cache_misses + one.cache_misses,
    })));
  }
  return minutes;
}

function most(one: number | null, other: number | null): number | null {
  return one === null ? other : other === null ? one : Math.max(one, other);
}

function Sums({ now, before, range }: { now: Usage | undefined; before: Numbers | undefined; range: Range }) {
  const all = now?.total;
  const days = byDay(now?.results, range);
  const values = (pick: (one: Group) => number | null) => days.of(pick).map((value) => value ?? 0);
  return (
    <section class="sums" aria-label="Sums">
      <Sum name="Spend" value={all ? money(all.cost) : undefined} change={[all?.cost, before?.cost]} spark={values((one) => one.cost)} />
      <Sum name="Requests" value={all ? short(all.requests) : undefined} change={[all?.requests, before?.requests]} spark={values((one) => one.requests)} colour="c2" />
      <Sum name="Tokens" value={all ? short(all.total_tokens) : undefined} about={all ? `${short(all.prompt_tokens)} in, ${short(all.completion_tokens)} out` : undefined} spark={values((one) => one.total_tokens)} colour="c3" />
      <Sum name="Errors" value={all ? percent(all.errors, all.requests) : undefined} about={all ? `${number(all.errors)} of ${number(all.requests)}` : undefined} spark={values((one) => one.errors)} colour="bad" />
      <Sum name="Latency" value={all ? millis(all.average_latency_ms) : undefined} about={all ? `first token ${millis(all.average_time_to_first_token_ms)}` : undefined} spark={values((one) => one.average_latency_ms)} colour="c4" />
    </section>
  );
}

function Sum({ name, value, about, change, spark, colour }: { name: string; value: string | undefined; about?: string | undefined; change?: [number | undefined, number | undefined]; spark: number[]; colour?: string }) {
  return (
    <div class="sum">
      <small>{name}</small>
      <b>{value ?? <span class="wait" />}</b>
      <span class="sum-about">{about ?? <Change of={change} />}</span>
      <Spark values={spark} colour={colour ?? "accent"} width={110} height={30} />
    </div>
  );
}

function Change({ of }: { of: [number | undefined, number | undefined] | undefined }): ComponentChildren {
  const [now, before] = of ?? [];
  if (now === undefined || before === undefined) return " ";
  if (before === 0) return "nothing in the time before";
  const part = Math.round((100 * (now - before)) / before);
  if (part >= 1_000) return `${short(Math.round(now / before))} times as much as before`;
  return `${part > 0 ? "+" : ""}${part}% to the time before`;
}

function Charts({ found, range }: { found: Usage | undefined; range: Range }) {
  const { data: models } = useLoad((signal) => usage("model", range, { limit: 5 }, signal), [range]);
  const top = (models?.results ?? []).slice(0, 5).map((one) => String(one.model)).filter(Boolean);
  const { data: each } = useLoad((signal) => Promise.all(top.map((model) => usage("day", range, { model }, signal))), [range, top.join("\n")]);
  const days = useMemo(() => byDay(found?.results, range), [found, range]);
  const spend = useMemo(() => {
    const all = days.of((one) => one.cost);
    const parts = each && each.length === top.length ? each : [];
    const lines = parts.map((one, at) => ({ label: top[at]!, values: byDay(one.results, range).of((day) => day.cost), colour: COLOURS[at]!, kind: "bars" as const }));
    const rest = all.map((value, at) => Math.max(0, (value ?? 0) - lines.reduce((sum, line) => sum + (line.values[at] ?? 0), 0)));
    const more = rest.some((value, at) => value > 0.001 * (all[at] ?? 0) && value > 1e-9);
    return [...lines, ...(more || lines.length === 0 ? [{ label: lines.length ? "others" : "spend", values: rest, colour: lines.length ? "c6" : "accent", kind: "bars" as const }] : [])];
  }, [days, each, range]);
  const requests = useMemo(() => [
    { label: "answered", values: days.of((one) => one.requests - one.errors), colour: "c2", kind: "bars" as const },
    { label: "failed", values: days.of((one) => one.errors), colour: "bad", kind: "bars" as const },
  ], [days]);
  const tokens = useMemo(() => [
    { label: "prompt", values: days.of((one) => one.prompt_tokens), colour: "c3", kind: "bars" as const },
    { label: "answer", values: days.of((one) => one.completion_tokens), colour: "c5", kind: "bars" as const },
  ], [days]);
  const latency = useMemo(() => [
    { label: "whole answer", values: days.of((one) => one.average_latency_ms), colour: "c4", kind: "area" as const },
    { label: "first token", values: days.of((one) => one.average_time_to_first_token_ms), colour: "c1", kind: "line" as const },
  ], [days]);
  if (range.from === range.to) return <Hours />;
  return (
    <>
      <Card title="Spend by model">{found ? <Chart label="Spend by model" times={days.times} lines={spend} format={money} days stacked height={220} /> : <Skeleton rows={5} />}</Card>
      <div class="thirds">
        <Card title="Requests"><Chart label="Requests" times={days.times} lines={requests} format={short} days stacked height={150} /></Card>
        <Card title="Tokens"><Chart label="Tokens" times={days.times} lines={tokens} format={short} days stacked height={150} /></Card>
        <Card title="Latency, on average"><Chart label="Latency" times={days.times} lines={latency} format={millis} days height={150} /></Card>
      </div>
    </>
  );
}

/** The last hours, minute by minute. */
function Hours() {
  const { seesAll } = useWho();
  const { data } = useLoad((signal) => (seesAll ? recent(signal) : Promise.resolve(undefined)), [], 15_000);
  const minutes = useMemo(() => byMinute(data?.moments ?? [], data?.interval_seconds ?? 15), [data]);
  const times = useMemo(() => minutes.map((one) => one.at), [minutes]);
  const lines = useMemo(() => ({
    requests: [
      { label: "answered", values: minutes.map((one) => one.requests - one.failures), colour: "c2", kind: "area" as const },
      { label: "failed", values: minutes.map((one) => one.failures), colour: "bad", kind: "line" as const },
    ],
    latency: [
      { label: "p95", values: minutes.map((one) => one.latency_p95_ms), colour: "c4", kind: "line" as const },
      { label: "p50", values: minutes.map((one) => one.latency_p50_ms), colour: "c3", kind: "line" as const },
      { label: "first token p50", values: minutes.map((one) => one.first_token_p50_ms), colour: "c1", kind: "line" as const },
    ],
  }), [minutes]);
  if (minutes.length < 2) return null;
  return (
    <div class="halves">
      <Card title="Requests a minute"><Chart label="Requests a minute" times={times} lines={lines.requests} format={short} /></Card>
      <Card title="Latency"><Chart label="Latency" times={times} lines={lines.latency} format={millis} /></Card>
    </div>
  );
}

function Tops({ range }: { range: Range }) {
  const { seesAll } = useWho();
  const ask = (by: string) => useLoad((signal) => usage(by, range, { limit: 6 }, signal), [range]);
  const models = ask("model");
  const providers = ask("provider");
  const keys = ask("key");
  const aliases = useLoad((signal) => (seesAll ? get<Row[]>("/global/spend/keys", { start_date: range.from, end_date: range.to, limit: 6 }, signal) : Promise.resolve([])), [range]);
  const teams = useLoad((signal) => (seesAll ? usage("team", range, { limit: 6 }, signal) : Promise.resolve(undefined)), [range]);
  const teamNames = useLoad((signal) => (seesAll ? get<{ teams: Row[] }>("/v2/team/list", { page_size: 100 }, signal) : Promise.resolve(undefined)), []);
  const keyName = (hash: string) => aliases.data?.find((one) => one.api_key === hash)?.key_alias ?? shorten(hash);
  const teamName = (id: string) => teamNames.data?.teams.find((one) => one.team_id === id)?.team_alias ?? shorten(id, 16);
  return (
    <div class="thirds">
      <Card title="Top models">
        <Ranking empty="No calls yet." of={ranked(models.data, "model", (name) => ({ name, to: href(`models/${encodeURIComponent(name)}`) }))} />
      </Card>
      <Card title="Top keys">
        <Ranking colour="c2" empty="No key was used yet." of={ranked(keys.data, "key", (hash) => ({ name: keyName(hash), to: href(`keys/${hash}`) }))} />
      </Card>
      {seesAll && teams.data && teams.data.results.length > 0 ? (
        <Card title="Top teams">
          <Ranking colour="c3" empty="No team spent anything yet." of={ranked(teams.data, "team", (id) => ({ name: teamName(id), to: href(`teams/${encodeURIComponent(id)}`) }))} />
        </Card>
      ) : (
        <Card title="Providers">
          <Ring about="in all" middle={money(providers.data?.total.cost)} of={(providers.data?.results ?? []).map((one, at) => ({ name: one.provider || "none", value: one.cost, shown: money(one.cost), colour: COLOURS[at] ?? "c6" }))} />
        </Card>
      )}
    </div>
  );
}

function ranked(found: Usage | undefined, by: string, shown: (name: string) => { name: string; to: string }): Ranked[] {
  const named = (found?.results ?? []).filter((one) => one[by]);
  return named.slice(0, 6).map((one) => ({ ...shown(one[by]), id: one[by], value: one.cost, shown: money(one.cost), aside: `${short(one.requests)} calls` }));
}

/** Before the first call. */
function First() {
  const example = `curl ${location.origin}/v1/chat/completions \\\n  -H 'authorization: Bearer <key>' -H 'content-type: application/json' \\\n  -d '{"model": "<model>", "messages": [{"role": "user", "content": "Hello!"}]}'`;
  return (
    <Card>
      <Empty icon="bolt" title="No calls in this time" action={<span class="row"><a class="button primary" href={href("playground")}>Try a model</a><a class="button plain" href={href("keys")}>Make a key</a></span>}>
        Point the base URL of any SDK at this address, and what it uses shows up here.
      </Empty>
      <Code>{example}</Code>
    </Card>
  );
}
