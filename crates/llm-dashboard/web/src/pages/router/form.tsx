// Changing the router's settings: they are kept in the database, over those of the configuration, and hold at once.

import { useState } from "preact/hooks";
import { post, type Row } from "../../lib/api";
import { useModels } from "../../lib/lists";
import { Button, Notice } from "../../parts/basics";
import { FormDialog } from "../../parts/dialog";
import { Input, Select, Several, typed } from "../../parts/form";
import { CLASSES } from "./policy";

export type Part = "choice" | "retries" | "cooldown" | "timeouts" | "fallbacks";

export const TITLES: Record<Part, string> = { choice: "Choice", retries: "Retries", cooldown: "Cooldown", timeouts: "Timeouts", fallbacks: "Fallbacks" };

/** The settings of each part, as the configuration calls them. */
export const NAMES: Record<Part, string[]> = {
  choice: ["routing_strategy", "enable_pre_call_checks", "queue_timeout", "max_queue"],
  retries: ["num_retries", "retry_after", "retry_policy", "mid_stream"],
  cooldown: ["allowed_fails", "cooldown_time", "max_cooldown_time", "slow_start_time", "disable_cooldowns"],
  timeouts: ["timeout", "connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout"],
  fallbacks: ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks", "max_fallbacks"],
};

const LABELS: Record<string, string> = {
  queue_timeout: "Longest wait for room (s)",
  max_queue: "Calls that wait at most",
  num_retries: "Retries",
  retry_after: "Shortest pause (s)",
  allowed_fails: "Failures that are borne",
  cooldown_time: "Left alone for (s)",
  max_cooldown_time: "Growing to (s)",
  slow_start_time: "Back within (s)",
  timeout: "Answer begins within (s)",
  connect_timeout: "Connection within (s)",
  first_content_timeout: "First content within (s)",
  idle_timeout: "Longest silence (s)",
  total_timeout: "Whole call within (s)",
  max_fallbacks: "Fallbacks of one call at most",
};

const YES_NO: [string, string][] = [["", "as the configuration says"], ["true", "yes"], ["false", "no"]];

/** Fallbacks as a form has them: from a model to others. */
type Ways = { from: string; to: string[] }[];

export interface Shown {
  current_values: Row;
  fields?: Row[];
  source?: Record<string, string>;
  stored?: Row;
}

export function RouterForm({ part, of, onClose, onDone }: { part: Part; of: Shown; onClose: () => void; onDone: () => void }) {
  const models = useModels();
  const field = (name: string) => of.fields?.find((one) => one.field_name === name)?.field_value;
  const [values, setValues] = useState<Row>(() => Object.fromEntries(NAMES[part].map((name) => [name, begin(name, field(name))])));
  const set = (name: string) => (to: unknown) => setValues((old) => ({ ...old, [name]: to }));
  const stored = NAMES[part].filter((name) => of.stored?.[name] !== undefined);
  const send = async (settings: Row) => {
    await post("/config/update", { router_settings: settings });
    onDone();
  };
  const save = () => {
    const changed = NAMES[part].filter((name) => JSON.stringify(values[name]) !== JSON.stringify(begin(name, field(name))));
    return send(Object.fromEntries(changed.map((name) => [name, written(name, values[name])])));
  };
  const strategies: string[] = of.fields?.find((one) => one.field_name === "routing_strategy")?.options ?? [];
  return (
    <FormDialog title={TITLES[part]} action="Save" onClose={onClose} save={save} side>
      <Notice>What is changed here is kept in the database, holds at once on every gateway, and wins over the configuration. An empty field is as the configuration says.</Notice>
      {NAMES[part].map((name) => {
        if (name === "routing_strategy") return <Select key={name} label="Strategy" value={values[name]} onChange={set(name)} options={[["", "as the configuration says"], ...strategies.map((one): [string, string] => [one, one])]} />;
        if (name === "mid_stream") return <Select key={name} label="A stream breaks" value={values[name]} onChange={set(name)} options={[["", "as the configuration says"], ["error", "ends with an error"], ["restart", "is begun again elsewhere"], ["continue", "goes on elsewhere"]]} />;
        if (name === "disable_cooldowns") return <Select key={name} label="Never leave a deployment alone" value={values[name]} onChange={set(name)} options={YES_NO} />;
        if (name === "enable_pre_call_checks") return <Select key={name} label="Check prompts before a vendor is asked" value={values[name]} onChange={set(name)} options={YES_NO} />;
        if (name === "retry_policy") return <Policy key={name} value={values[name]} onChange={set(name)} />;
        if (name === "default_fallbacks") return <Several key={name} label="Of all others" value={values[name]} onChange={set(name)} known={models} placeholder="none" />;
        if (name.endsWith("fallbacks") && name !== "max_fallbacks") return <WaysField key={name} name={name} value={values[name]} onChange={set(name)} models={models} />;
        return <Input key={name} label={LABELS[name] ?? name} type="number" min="0" step="any" value={values[name]} onChange={set(name)} placeholder="as the configuration says" />;
      })}
      {stored.length > 0 && (
        <div><Button icon="rotate" onClick={() => void send(Object.fromEntries(stored.map((name) => [name, null])))}>Give back to the configuration</Button></div>
      )}
    </FormDialog>
  );
}

function Policy({ value, onChange }: { value: Record<string, string>; onChange: (to: Record<string, string>) => void }) {
  return (
    <fieldset class="fields">
      <legend>Retries by what went wrong</legend>
      <div class="field-pairs">
        {CLASSES.map(([name, about]) => <Input key={name} label={about} type="number" min="0" step="1" value={value[name] ?? ""} onChange={(to) => onChange({ ...value, [name]: to })} placeholder="as above" />)}
      </div>
    </fieldset>
  );
}

const KINDS: Record<string, string> = { fallbacks: "When a model fails", context_window_fallbacks: "When a prompt is too long", content_policy_fallbacks: "When a content policy refuses" };

function WaysField({ name, value, onChange, models }: { name: string; value: Ways; onChange: (to: Ways) => void; models: string[] }) {
  const change = (at: number, to: Partial<Ways[number]>) => onChange(value.map((one, number) => (number === at ? { ...one, ...to } : one)));
  return (
    <fieldset class="fields">
      <legend>{KINDS[name]}</legend>
      {value.map((way, at) => (
        <div class="way" key={at}>
          <Input label="Model" value={way.from} onChange={(from) => change(at, { from })} list={models} />
          <Several label="Goes to, in order" value={way.to} onChange={(to) => change(at, { to })} known={models} />
          <Button small look="quiet" icon="close" label={`Remove the fallbacks of ${way.from || "this model"}`} onClick={() => onChange(value.filter((_, number) => number !== at))} />
        </div>
      ))}
      <div><Button small icon="plus" onClick={() => onChange([...value, { from: "", to: [] }])}>Add</Button></div>
    </fieldset>
  );
}

/** A setting as the form has it. */
function begin(name: string, value: any): any {
  if (name === "retry_policy") return Object.fromEntries(Object.entries(value ?? {}).map(([key, retries]) => [key, String(retries)]));
  if (name === "default_fallbacks") return value === undefined || value === null ? [] : [value].flat();
  if (name.endsWith("fallbacks") && name !== "max_fallbacks") {
    const ways = (value ?? []) as (Row | string)[];
    return ways.flatMap((one) => (typeof one === "string" ? [{ from: "*", to: [one] }] : Object.entries(one).map(([from, to]) => ({ from, to: [to].flat() }))));
  }
  return value === undefined || value === null ? "" : String(value);
}

/** A setting as the gateway reads it; `null`: as the configuration says. */
function written(name: string, value: any): unknown {
  if (name === "retry_policy") {
    const said = Object.entries(value as Record<string, string>).filter(([, retries]) => retries.trim() !== "");
    return said.length === 0 ? null : Object.fromEntries(said.map(([key, retries]) => [key, Number(retries)]));
  }
  if (Array.isArray(value)) {
    if (name === "default_fallbacks") return value;
    return (value as Ways).filter((way) => way.from && way.to.length > 0).map((way) => ({ [way.from]: way.to }));
  }
  if (value === "") return null;
  if (name === "routing_strategy" || name === "mid_stream") return value;
  return value === "true" ? true : value === "false" ? false : typed(value);
}
