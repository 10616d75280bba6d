// Guardrails: which there are, what each of them did, what it makes of a text, and how those of the store are changed.

import { useState } from "preact/hooks";
import { call, get, post, type Row } from "../lib/api";
import { attempt } from "../lib/deeds";
import { number } from "../lib/format";
import { told, useLoad } from "../lib/load";
import { href } from "../lib/route";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Code, Empty, Head, Notice, Problem } from "../parts/basics";
import { Confirm } from "../parts/dialog";
import { Area, Select } from "../parts/form";
import { Table } from "../parts/table";
import { toast } from "../parts/toast";
import { GuardrailForm } from "./guardrails/form";
import { Moment } from "./logs/calls";

const EXAMPLE = `guardrails:
  - guardrail_name: no-secrets
    litellm_params: {guardrail: hide-secrets, mode: pre_call, default_on: true}`;

type Deed = { kind: "new" } | { kind: "edit" | "delete"; row: Row };

const isStored = (one: Row) => one.guardrail_definition_location === "db";

export function Guardrails() {
  const { isAdmin } = useWho();
  const found = useLoad((signal) => get<{ guardrails: Row[] }>("/v2/guardrails/list", {}, signal), [], 15_000);
  const [deed, setDeed] = useState<Deed>();
  const all = found.data?.guardrails;
  const again = (what: string) => { setDeed(undefined); toast(what); found.reload(); };
  const open = async (one: Row) => {
    if (!isAdmin || !isStored(one)) return toast("This one is the configuration's: it is changed there");
    await attempt(async () => setDeed({ kind: "edit", row: await get<Row>(`/guardrails/${encodeURIComponent(one.guardrail_id)}`) }));
  };
  const turn = async (one: Row) => {
    const on = !one.litellm_params.default_on;
    const done = await attempt(() => call("PATCH", `/guardrails/${encodeURIComponent(one.guardrail_id)}`, { default_on: on }), on ? "Every call passes it from now on" : "Only calls that name it pass it");
    if (done) found.reload();
  };
  return (
    <>
      <Head title="Guardrails" about="Judges of what is asked and answered: they let it through, mask parts of it, or refuse it.">
        {isAdmin && <Button look="primary" icon="plus" onClick={() => setDeed({ kind: "new" })}>New guardrail</Button>}
      </Head>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush>
        <Table
          label="Guardrails"
          rows={all}
          id={(one) => one.guardrail_id ?? one.guardrail_name}
          {...(isAdmin ? { onRow: (one: Row) => void open(one) } : {})}
          columns={[
            { name: "Guardrail", cell: (one) => <span class="two-lines"><b>{one.guardrail_name}</b><small>{one.litellm_params.guardrail}</small></span> },
            { name: "Looks", cell: (one) => <span class="names">{one.litellm_params.mode.map((mode: string) => <code key={mode}>{mode}</code>)}</span>, wide: true },
            { name: "For", cell: (one) => <For of={one} {...(isAdmin && isStored(one) ? { turn: () => void turn(one) } : {})} /> },
            ...Object.entries(COUNTS).map(([name, shown]) => ({ name: shown, right: true, wide: true, cell: (one: Row) => number(one.counts?.[name] ?? 0) })),
            { name: "Where it is kept", unseen: true, wide: true, cell: (one) => <Badge tone={isStored(one) ? "info" : "dull"}>{isStored(one) ? "database" : "configuration"}</Badge> },
            { name: "What can be done", unseen: true, right: true, cell: (one) => isAdmin && isStored(one) && <Button look="quiet" small icon="trash" label={`Delete ${one.guardrail_name}`} onClick={() => setDeed({ kind: "delete", row: one })} /> },
          ]}
          empty={<><Empty icon="guardrails" title="No guardrails yet">Make one here, or set them up in the configuration; keys and teams may have more of them.</Empty><div class="in-card"><Code>{EXAMPLE}</Code></div></>}
        />
      </Card>
      {all && all.length > 0 && <Hits />}
      {all && all.length > 0 && <Try key={all.map((one) => one.guardrail_name).join(",")} names={all.map((one) => one.guardrail_name)} />}
      {all && all.length > 0 && <p class="dim">Counted since the gateway started. Calls that were refused stand in the <a href={href("logs?status=failure")}>logs</a>.</p>}
      {deed && deed.kind !== "delete" && <GuardrailForm {...(deed.kind === "edit" ? { old: deed.row } : {})} onClose={() => setDeed(undefined)} onDone={() => again(deed.kind === "new" ? "The guardrail looks at calls from now on" : "It holds from now on")} />}
      {deed?.kind === "delete" && (
        <Confirm title={`Delete ${deed.row.guardrail_name}?`} action="Delete the guardrail" onClose={() => setDeed(undefined)} run={async () => { await call("DELETE", `/guardrails/${encodeURIComponent(deed.row.guardrail_id)}`); again("The guardrail is gone"); }}>
          <p>Calls that name it, or whose key, user or team does, are refused from then on: take it out there first.</p>
        </Confirm>
      )}
    </>
  );
}

function For({ of, turn }: { of: Row; turn?: () => void }) {
  const isOn = Boolean(of.litellm_params.default_on);
  if (!turn) return isOn ? <Badge tone="info">all calls</Badge> : <Badge>who names it</Badge>;
  return <Button small pressed={isOn} label={`${of.guardrail_name}: for all calls`} onClick={(event) => { event.stopPropagation(); turn(); }}>{isOn ? "all calls" : "who names it"}</Button>;
}

const ACTIONS: Record<string, "bad" | "warn" | "info"> = { blocked: "bad", masked: "warn", flagged: "info" };

/** What was found last; the texts are not kept. */
function Hits() {
  const found = useLoad((signal) => get<{ hits: Row[] }>("/guardrails/hits", {}, signal), [], 15_000);
  return (
    <>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush title="Found last" aside={<span class="dim">by this gateway, the last 100</span>}>
        <Table
          label="Found last"
          rows={found.data?.hits}
          id={(hit) => `${hit.call_id} ${hit.guardrail} ${hit.rule} ${hit.side} ${hit.time}`}
          to={(hit) => href(`logs/${encodeURIComponent(hit.call_id)}`)}
          columns={[
            { name: "Time", cell: (hit) => <Moment at={hit.time} /> },
            { name: "What was done", cell: (hit) => <Badge tone={ACTIONS[hit.action] ?? "info"}>{hit.action === "blocked" ? "refused" : hit.action === "flagged" ? "named" : hit.action}</Badge> },
            { name: "Guardrail", cell: (hit) => <span class="two-lines"><b>{hit.guardrail}</b><small>{hit.rule}{hit.passages > 1 ? `, ${number(hit.passages)} passages` : ""}</small></span> },
            { name: "In", cell: (hit) => (hit.side === "request" ? "a request" : "an answer"), wide: true },
            { name: "Model", cell: (hit) => <code>{hit.model || "–"}</code>, wide: true },
            { name: "Key", cell: (hit) => hit.key_alias ?? <span class="dim">–</span>, wide: true },
          ]}
          empty={<p class="nothing">Nothing was found since the gateway started.</p>}
        />
      </Card>
    </>
  );
}

const COUNTS: Record<string, string> = { checked: "Looked at", flagged: "Named", masked: "Masked", blocked: "Refused", failed: "Failed" };

function Try({ names }: { names: string[] }) {
  const [name, setName] = useState(names[0] ?? "");
  const [side, setSide] = useState("request");
  const [text, setText] = useState("My key is AKIAIOSFODNN7EXAMPLE, please keep it safe.");
  const [outcome, setOutcome] = useState<{ text?: string; error?: string }>();
  const [busy, setBusy] = useState(false);
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const answer = await post<{ response_text: string }>("/guardrails/apply_guardrail", { guardrail_name: name, text, input_type: side });
      setOutcome({ text: answer.response_text });
    } catch (error) {
      setOutcome({ error: told(error) });
    }
    setBusy(false);
  };
  return (
    <Card title="Try a text">
      <form class="stack" onSubmit={run}>
        <div class="field-row">
          <Select label="Guardrail" value={name} onChange={setName} options={names.map((one) => [one, one])} />
          <Select label="As" value={side} onChange={setSide} options={[["request", "a request"], ["response", "an answer"]]} />
        </div>
        <Area label="Text" value={text} onChange={setText} rows={3} />
        <div><Button look="primary" type="submit" busy={busy}>Judge it</Button></div>
        <div role="status" aria-live="polite">
          {outcome?.error && <Notice tone="warn"><b>Refused.</b> {outcome.error}</Notice>}
          {outcome?.text !== undefined && (outcome.text === text ? <Notice>Let through as it is.</Notice> : <Code>{outcome.text}</Code>)}
        </div>
      </form>
    </Card>
  );
}
