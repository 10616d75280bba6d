// One model: its deployments, what they did, how long they take and what goes wrong.

import { useMemo, useState } from "preact/hooks";
import { get, post, type Row } from "../../lib/api";
import { millis, money, number, short } from "../../lib/format";
import { told, useLoad } from "../../lib/load";
import { href } from "../../lib/route";
import { byDay, lastDays, perToken, usage } from "../../lib/usage";
import { useWho } from "../../lib/who";
import { Badge, Button, Card, Empty, Facts, Head, Problem, Skeleton } from "../../parts/basics";
import { Chart } from "../../parts/chart";
import { Confirm } from "../../parts/dialog";
import { Ranking } from "../../parts/drawings";
import { toast } from "../../parts/toast";
import { Calls } from "../logs/calls";
import { retryName } from "../router/policy";
import { joined, Standing, type Deployment } from "./deployment";
import { DeploymentForm } from "./form";

export function OneModel({ name }: { name: string }) {
  const { isAdmin, seesAll } = useWho();
  const models = useLoad((signal) => get<{ data: Row[] }>("/model/info", {}, signal), [name]);
  const status = useLoad((signal) => (seesAll ? get<{ providers: Row[] }>("/v1/providers/status", {}, signal) : Promise.resolve({ providers: [] })), [], 10_000);
  const [deed, setDeed] = useState<{ kind: "add" } | { kind: "edit" | "delete"; of: Deployment }>();
  const all = useMemo(() => joined(models.data?.data ?? [], status.data?.providers ?? []).filter((one) => one.name === name), [models.data, status.data, name]);
  const back = { to: href("models"), name: "Models" };
  const again = (what: string) => { setDeed(undefined); toast(what); models.reload(); status.reload(); };
  if (!models.data) return <><Head title={name} back={back} />{models.error ? <Problem onRetry={models.reload}>{models.error}</Problem> : <Skeleton rows={6} />}</>;
  return (
    <>
      <Head back={back} title={name}>
        <a class="button plain" href={href("playground")}>Try it</a>
        {isAdmin && <Button look="primary" icon="plus" onClick={() => setDeed({ kind: "add" })}>Add a deployment</Button>}
      </Head>
      {all.length === 0 && <Card><Empty icon="models" title="Nothing serves this model">It may be gone from the configuration. What it did stays below.</Empty></Card>}
      {all.map((one) => (
        <DeploymentCard key={one.id} of={one} onEdit={() => setDeed({ kind: "edit", of: one })} onDelete={() => setDeed({ kind: "delete", of: one })} onTested={status.reload} />
      ))}
      {seesAll && <Retries name={name} />}
      <Analytics name={name} errors={all.flatMap((one) => Object.entries(one.status?.errors ?? {}) as [string, number][])} />
      <Calls title="Latest calls" filter={{ model_group: name }} size={10} more={`logs?model=${encodeURIComponent(name)}`} />
      {deed?.kind === "add" && <DeploymentForm name={name} onClose={() => setDeed(undefined)} onDone={() => again("The deployment is served")} />}
      {deed?.kind === "edit" && <DeploymentForm old={deed.of} onClose={() => setDeed(undefined)} onDone={() => again("Saved")} />}
      {deed?.kind === "delete" && (
        <Confirm title="Delete the deployment?" action="Delete the deployment" onClose={() => setDeed(undefined)} run={async () => { await post("/model/delete", { id: deed.of.id }); again("The deployment is gone"); }}>
          <p>Calls under way end as they began; later ones go to the others of <b>{name}</b>, if there are any.</p>
        </Confirm>
      )}
    </>
  );
}

function DeploymentCard({ of, onEdit, onDelete, onTested }: { of: Deployment; onEdit: () => void; onDelete: () => void; onTested: () => void }) {
  const { isAdmin } = useWho();
  const { status } = of;
  const limits = status?.limits;
  return (
    <Card
      title={<span class="status-row"><code>{of.model}</code> <Standing of={of} /> {!of.stored && <Badge title="It is changed there">of the configuration</Badge>}</span>}
      aside={<>
        <Test of={of} onTested={onTested} />
        {isAdmin && of.stored && <><Button small icon="edit" onClick={onEdit}>Edit</Button><Button small look="danger" icon="trash" label="Delete the deployment" onClick={onDelete} /></>}
      </>}
    >
      <div class="halves">
        <Facts of={[["Vendor", of.vendor], ["Id", <code class="cut">{of.id}</code>], ["Address", status?.api_base || of.params.api_base || "the vendor's own"], ["Prices", of.info.input_cost_per_token ? `${money(of.info.input_cost_per_token * 1e6)} in, ${money((of.info.output_cost_per_token ?? 0) * 1e6)} out, for a million` : "unknown"], ...(limits?.rpm ? ([["Requests", `${number(limits.requests_last_minute)} of ${number(limits.rpm)} in the last minute`]] as [string, string][]) : []), ...(limits?.tpm ? ([["Tokens", `${short(limits.tokens_last_minute)} of ${short(limits.tpm)} in the last minute`]] as [string, string][]) : [])]} />
        {status && <Facts of={[["Attempts", `${number(status.attempts)}, ${number(status.failures)} failed`], ["In flight", number(status.in_flight)], ["Latency", `${millis(status.latency_p50_ms)} (p50), ${millis(status.latency_p95_ms)} (p95)`], ["First token", millis(status.first_token_p50_ms)], ["Each token", millis(status.per_token_p50_ms)], ["Used", `${short(status.total_tokens)} tokens, ${money(status.total_cost)}`]]} />}
      </div>
    </Card>
  );
}

/** How often a call of this model is made again, where anything is said of it. */
function Retries({ name }: { name: string }) {
  const { data } = useLoad((signal) => get<{ current_values: Row }>("/router/settings", {}, signal), []);
  if (!data) return null;
  const { num_retries: all, retry_policy: policy, groups } = data.current_values;
  const own = groups[name] ?? {};
  const classes = { ...policy, ...own.retry_policy };
  const said = Object.entries(classes) as [string, number][];
  if (said.length === 0 && own.num_retries === undefined) return null;
  return (
    <Card title="Retries" aside={<a href={href("router")}>Router</a>}>
      <Facts of={[["In general", `${own.num_retries ?? all}`], ...said.map(([kind, retries]): [string, string] => [retryName(kind), String(retries)])]} />
    </Card>
  );
}

/** Asks the vendor for one token, now. */
function Test({ of, onTested }: { of: Deployment; onTested: () => void }) {
  const { isAdmin } = useWho();
  const [busy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    try {
      const { status, result } = await post<Row>("/health/test_connection", { model_info: { id: of.id } });
      if (status === "success") toast(`It answered in ${millis(result.took_ms)}`);
      else toast(`It failed: ${result.error}`, "bad");
    } catch (error) {
      toast(told(error), "bad");
    }
    setBusy(false);
    onTested();
  };
  if (!isAdmin || of.name.includes("*")) return null;
  return <Button small icon="bolt" busy={busy} onClick={test}>Test</Button>;
}

function Analytics({ name, errors }: { name: string; errors: [string, number][] }) {
  const range = useMemo(() => lastDays(30), []);
  const { data } = useLoad((signal) => usage("day", range, { model: name }, signal), [name]);
  const days = useMemo(() => byDay(data?.results, range), [data, range]);
  const lines = useMemo(() => ({
    spend: [{ label: "spend", values: days.of((one) => one.cost), colour: "accent", kind: "bars" as const }],
    token: [{ label: "each token", values: days.of(perToken), colour: "c2", kind: "area" as const }],
    latency: [
      { label: "whole answer", values: days.of((one) => one.average_latency_ms), colour: "c4", kind: "area" as const },
      { label: "first token", values: days.of((one) => one.average_time_to_first_token_ms), colour: "c1", kind: "line" as const },
    ],
  }), [days]);
  const sums = new Map<string, number>();
  for (const [kind, count] of errors) sums.set(kind, (sums.get(kind) ?? 0) + count);
  return (
    <>
      <div class="thirds">
        <Card title="Spend, 30 days" aside={<b>{money(data?.total.cost)}</b>}><Chart label="Spend" times={days.times} lines={lines.spend} format={money} days height={150} /></Card>
        <Card title="Latency" aside={<b>{millis(data?.total.average_latency_ms)}</b>}><Chart label="Latency" times={days.times} lines={lines.latency} format={millis} days height={150} /></Card>
        <Card title="Latency of each token" aside={<b>{millis(data && perToken(data.total))}</b>}><Chart label="Latency of each token" times={days.times} lines={lines.token} format={millis} days height={150} /></Card>
      </div>
      <Card title="What went wrong at the vendor, since the start">
        <Ranking colour="bad" empty="Nothing." of={[...sums].sort((one, other) => other[1] - one[1]).map(([kind, count]) => ({ id: kind, name: kind.replaceAll("_", " "), value: count, shown: number(count) }))} />
      </Card>
    </>
  );
}
