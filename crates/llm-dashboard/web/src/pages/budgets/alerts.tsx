// Who is told when something is wrong: how it is set, changed and tried.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../../lib/api";
import { attempt } from "../../lib/deeds";
import { useLoad } from "../../lib/load";
import { useWho } from "../../lib/who";
import { Badge, Button, Card, Facts, Notice, Problem, Skeleton } from "../../parts/basics";
import { FormDialog } from "../../parts/dialog";
import { Checks, Input, typed } from "../../parts/form";
import { toast } from "../../parts/toast";

const WAYS: [string, string][] = [
  ["slack", "Slack, and what takes its messages"],
  ["webhook", "a program, with fields"],
];

const TYPES: [string, string][] = [
  ["budget_alerts", "a budget is nearly spent, or spent"],
  ["llm_too_slow", "an answer took long"],
  ["cooldown_deployment", "a deployment is left alone, or back"],
  ["failed_tracking_spend", "what a call cost could not be written down"],
  ["db_exceptions", "the database takes no rows"],
];

const ADDRESSES: Record<string, string> = { slack: "SLACK_WEBHOOK_URL", webhook: "WEBHOOK_URL" };

/** The settings that are kept in the database. */
const GENERAL = ["alerting", "alert_types", "alerting_threshold", "alert_to_webhook_url"];

export function Alerts() {
  const { isAdmin } = useWho();
  const found = useLoad((signal) => get<Row[]>("/alerting/settings", {}, signal), []);
  const [changes, setChanges] = useState(false);
  const [trying, setTrying] = useState<string>();
  if (!found.data) return <Card title="Alerts">{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={3} />}</Card>;
  const value = (name: string) => found.data?.find((one) => one.field_name === name)?.field_value;
  const ways: string[] = value("alerting") ?? [];
  const types: string[] = value("alert_types") ?? TYPES.map(([name]) => name);
  const own = Object.entries((value("alert_to_webhook_url") ?? {}) as Record<string, string | string[]>);
  const isStored = found.data.some((one) => one.stored_in_db === true);
  const tryOut = async (way: string) => {
    setTrying(way);
    await attempt(() => get("/health/services", { service: way }), "A test alert was taken there");
    setTrying(undefined);
  };
  return (
    <Card title="Alerts" aside={<>{isStored && <Badge tone="info">database</Badge>}{isAdmin && <Button small icon="edit" label="Change: Alerts" onClick={() => setChanges(true)} />}</>}>
      {ways.length === 0 ? (
        <p class="prose">Nobody is told of budgets that are nearly spent, of deployments that fail and of slow answers. Give an address, here or in <code>general_settings.alerting</code> of the configuration.</p>
      ) : (
        <Facts
          of={[
            ...ways.map((way): [string, any] => [
              WAYS.find(([name]) => name === way)?.[1] ?? way,
              <span class="with-action"><code>{value(ADDRESSES[way] ?? "") ?? "addresses of single types"}</code>{isAdmin && <Button small busy={trying === way} label={`Send a test to ${way}`} onClick={() => void tryOut(way)}>Send a test</Button>}</span>,
            ]),
            ["Told when", <ul class="plain">{types.map((type) => <li key={type}>{TYPES.find(([name]) => name === type)?.[1] ?? type}</li>)}</ul>],
            ...own.map(([type, to]): [string, any] => [`Of ${type}`, <code>{[to].flat().join(", ")}</code>]),
            ["An answer is slow after", `${value("alerting_threshold") ?? 300} s`],
          ]}
        />
      )}
      {changes && <AlertsForm of={found.data} onClose={() => setChanges(false)} onDone={() => { setChanges(false); toast("It holds from now on"); found.reload(); }} />}
    </Card>
  );
}

function AlertsForm({ of, onClose, onDone }: { of: Row[]; onClose: () => void; onDone: () => void }) {
  const field = (name: string) => of.find((one) => one.field_name === name);
  const value = (name: string) => field(name)?.field_value;
  const begun = {
    ways: (value("alerting") ?? []) as string[],
    types: (value("alert_types") ?? TYPES.map(([name]) => name)) as string[],
    threshold: value("alerting_threshold") === null ? "" : String(value("alerting_threshold") ?? ""),
  };
  const [ways, setWays] = useState(begun.ways);
  const [types, setTypes] = useState(begun.types);
  const [threshold, setThreshold] = useState(begun.threshold);
  const [addresses, setAddresses] = useState<Record<string, string>>({});
  const stored = of.filter((one) => one.stored_in_db === true).map((one) => one.field_name as string);
  const send = async (general: Row, variables: Row) => {
    await post("/config/update", { general_settings: general, environment_variables: variables });
    onDone();
  };
  const save = () => {
    const general: Row = {};
    const differs = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other);
    if (differs(ways, begun.ways)) general.alerting = ways;
    if (differs(types, begun.types)) general.alert_types = types;
    if (threshold !== begun.threshold) general.alerting_threshold = typed(threshold);
    const given = Object.entries(addresses).filter(([, to]) => to.trim() !== "");
    return send(general, Object.fromEntries(given));
  };
  const giveBack = () => {
    const none = (names: string[]) => Object.fromEntries(names.map((name) => [name, null]));
    return attempt(() => send(none(stored.filter((name) => GENERAL.includes(name))), none(stored.filter((name) => !GENERAL.includes(name)))));
  };
  return (
    <FormDialog title="Alerts" action="Save" onClose={onClose} save={save} side>
      <Notice>What is changed here is kept encrypted in the database, holds at once on every gateway, and wins over the configuration.</Notice>
      <Checks label="Told to" value={ways} onChange={setWays} options={WAYS} />
      {WAYS.filter(([way]) => ways.includes(way)).map(([way]) => {
        const name = ADDRESSES[way] ?? "";
        return <Input key={way} label={way === "slack" ? "Slack's address" : "The program's address"} value={addresses[name] ?? ""} onChange={(to) => setAddresses({ ...addresses, [name]: to })} placeholder={value(name) ?? "https://…"} hint={value(name) ? "Leave it empty to keep the one that is there." : undefined} />;
      })}
      <Checks label="Of" value={types} onChange={setTypes} options={TYPES} />
      <Input label="An answer is slow after (s)" type="number" min="0" step="any" value={threshold} onChange={setThreshold} placeholder="300" />
      {stored.length > 0 && <div><Button icon="rotate" onClick={() => void giveBack()}>Give back to the configuration</Button></div>}
    </FormDialog>
  );
}
