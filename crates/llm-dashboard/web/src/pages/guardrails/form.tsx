// Making and changing a guardrail of the store.

import { useState } from "preact/hooks";
import { call, post, type Row } from "../../lib/api";
import { Notice } from "../../parts/basics";
import { FormDialog } from "../../parts/dialog";
import { Area, Checks, Input, Select } from "../../parts/form";
import { addressOf, JUDGES, MODES } from "./judges";

/** Parameters that have fields of their own. */
const OWN = ["guardrail", "mode", "default_on", "only_flags", "api_key", "api_base", "presidio_analyzer_api_base"];

const spelled = (of: Row) => (Object.keys(of).length > 0 ? JSON.stringify(of, null, 2) : "");

export function GuardrailForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const said: Row = old?.litellm_params ?? {};
  const [name, setName] = useState<string>(old?.guardrail_name ?? "");
  const [judge, setJudge] = useState<string>(said.guardrail ?? "hide-secrets");
  const [modes, setModes] = useState<string[]>([said.mode ?? "pre_call"].flat());
  const [forAll, setForAll] = useState(said.default_on ? "all" : "named");
  const [does, setDoes] = useState(said.only_flags ? "names" : "acts");
  const [base, setBase] = useState<string>(said[addressOf(judge)] ?? "");
  const [key, setKey] = useState("");
  const [about, setAbout] = useState<string>(old?.guardrail_info?.description ?? "");
  const rest = (of: Row) => Object.fromEntries(Object.entries(of).filter(([name]) => !OWN.includes(name)));
  const [more, setMore] = useState(spelled(rest(said)));
  const known = JUDGES.find((one) => one.name === judge);
  const isService = known?.service ?? base !== "";
  const choose = (to: string) => {
    setJudge(to);
    setMore(spelled(JUDGES.find((one) => one.name === to)?.begin ?? {}));
  };
  const save = async () => {
    const params: Row = { ...(more.trim() ? parsed(more) : {}), guardrail: judge, mode: modes, default_on: forAll === "all" };
    if (does === "names") params.only_flags = true;
    if (isService && base) params[addressOf(judge)] = base;
    if (key) params.api_key = key;
    else if (said.api_key && judge === said.guardrail) params.api_key = said.api_key;
    const guardrail: Row = { guardrail_name: name, litellm_params: params, guardrail_info: { ...old?.guardrail_info, ...(about || old?.guardrail_info?.description ? { description: about } : {}) } };
    if (old) await call("PUT", `/guardrails/${encodeURIComponent(old.guardrail_id)}`, { guardrail });
    else await post("/guardrails", { guardrail });
    onDone();
  };
  return (
    <FormDialog title={old ? `Change ${old.guardrail_name}` : "New guardrail"} action={old ? "Save" : "Make the guardrail"} onClose={onClose} save={save} side>
      {!old && <Notice>It holds at once, on every gateway of this database, and stays after a restart. Its parameters are encrypted.</Notice>}
      <Input label="Name" value={name} onChange={setName} required autofocus placeholder="no-personal-data" hint="What requests, keys and teams call it." />
      <Select label="Looks for" value={judge} onChange={choose} options={options(judge)} />
      <Checks label="Looks" value={modes} onChange={setModes} options={MODES} />
      <Select label="For" value={forAll} onChange={setForAll} options={[["named", "calls that name it"], ["all", "all calls: nobody can leave it out"]]} hint="Keys, users and teams may name it for all their calls." />
      <Select label="What it finds" value={does} onChange={setDoes} options={[["acts", "is refused or masked, as this judge does"], ["names", "is only counted and named"]]} />
      {isService && <Input label="Address" value={base} onChange={setBase} placeholder="the service's own" />}
      {isService && <Input label="Key of the service" type="password" value={key} onChange={setKey} placeholder={said.api_key ? "as it is" : "none"} autocomplete="new-password" />}
      <Area label="Parameters" mono rows={6} value={more} onChange={setMore} placeholder="{}" hint="JSON, as in litellm_params of the configuration." />
      <Input label="About" value={about} onChange={setAbout} placeholder="what people should know of it" />
    </FormDialog>
  );
}

function options(judge: string): [string, string][] {
  const known = JUDGES.map((one): [string, string] => [one.name, `${one.about} (${one.name})`]);
  return known.some(([name]) => name === judge) ? known : [[judge, judge], ...known];
}

function parsed(text: string): Row {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the parameters are no JSON");
  }
}
