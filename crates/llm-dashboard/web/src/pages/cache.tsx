// The cache of answers: whether it answers, what it saved, and having it forget.

import { useMemo, useState } from "preact/hooks";
import { get, post, type Row } from "../lib/api";
import { number, percent, short } from "../lib/format";
import { useLoad } from "../lib/load";
import { recent } from "../lib/usage";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Code, Empty, Facts, Head, Problem } from "../parts/basics";
import { Chart } from "../parts/chart";
import { Confirm, FormDialog } from "../parts/dialog";
import { Area } from "../parts/form";
import { toast } from "../parts/toast";
import { byMinute } from "./overview";

const EXAMPLE = `litellm_settings:
  cache: true
  cache_params: {type: local, ttl: 600}`;

export function Cache() {
  const { isAdmin } = useWho();
  const found = useLoad((signal) => get<Row>("/cache/ping", {}, signal), [], 30_000);
  const { data } = useLoad(recent, [], 15_000);
  const [deed, setDeed] = useState<"flush" | "delete">();
  const minutes = useMemo(() => byMinute(data?.moments ?? [], data?.interval_seconds ?? 15), [data]);
  const times = useMemo(() => minutes.map((one) => one.at), [minutes]);
  const lines = useMemo(() => [
    { label: "kept answers", values: minutes.map((one) => one.cache_hits), colour: "c2", kind: "area" as const },
    { label: "asked anew", values: minutes.map((one) => one.cache_misses), colour: "c6", kind: "line" as const },
  ], [minutes]);
  const hits = minutes.reduce((sum, one) => sum + one.cache_hits, 0);
  const misses = minutes.reduce((sum, one) => sum + one.cache_misses, 0);
  const isOff = found.error?.includes("keeps no answers");
  const params: Row = found.data?.litellm_cache_params ? JSON.parse(found.data.litellm_cache_params) : {};
  return (
    <>
      <Head title="Cache" about="Equal questions get the answer that was kept: at once, and for nothing.">
        {found.data && isAdmin && (
          <>
            <Button onClick={() => setDeed("delete")}>Forget one answer</Button>
            <Button look="danger" icon="trash" onClick={() => setDeed("flush")}>Forget all</Button>
          </>
        )}
      </Head>
      {isOff ? (
        <Card><Empty icon="cache" title="No answers are kept">Turn it on in the configuration; the file is read again when it changes.</Empty><Code>{EXAMPLE}</Code></Card>
      ) : (
        <>
          {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
          <section class="sums" aria-label="Sums">
            <div class="sum"><small>Kept answers</small><b>{short(hits)}</b><span class="sum-about">in the last hours</span></div>
            <div class="sum"><small>Asked anew</small><b>{short(misses)}</b><span class="sum-about">in the last hours</span></div>
            <div class="sum"><small>Hits</small><b>{percent(hits, hits + misses)}</b><span class="sum-about">of {number(hits + misses)} calls that were looked for</span></div>
          </section>
          <div class="halves">
            <Card title="By minute"><Chart label="Kept answers by minute" times={times} lines={lines} format={short} height={170} /></Card>
            <Card title="Store">
              <Facts of={[["State", found.data ? <Badge tone="good" dot>answers</Badge> : "–"], ["Kind", found.data?.cache_type], ["Kept for", params.ttl ? `${params.ttl} s` : "as long as there is room"], ["Used by", params.mode === "default_off" ? "calls that ask for it" : "all calls"], ["Namespace", params.namespace ?? "none"], ["Kinds of calls", (params.supported_call_types ?? []).join(", ")]]} />
            </Card>
          </div>
        </>
      )}
      {deed === "flush" && (
        <Confirm title="Forget all answers?" action="Forget all" onClose={() => setDeed(undefined)} run={async () => { await post("/cache/flushall"); setDeed(undefined); toast("All answers are forgotten"); found.reload(); }}>
          <p>The next calls are asked of vendors, and paid. Other gateways that keep answers in the same place lose them, too.</p>
        </Confirm>
      )}
      {deed === "delete" && <Forget onClose={() => setDeed(undefined)} />}
    </>
  );
}

function Forget({ onClose }: { onClose: () => void }) {
  const [keys, setKeys] = useState("");
  const save = async () => {
    await post("/cache/delete", { keys: keys.split(/\s+/).filter(Boolean) });
    toast("Forgotten");
    onClose();
  };
  return (
    <FormDialog title="Forget an answer" action="Forget" onClose={onClose} save={save}>
      <Area label="Cache keys" mono rows={3} value={keys} onChange={setKeys} hint="As answers name them in the header x-litellm-cache-key." />
    </FormDialog>
  );
}
