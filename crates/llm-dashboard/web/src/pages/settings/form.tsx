// Making and changing a callback of the database.

import { useState } from "preact/hooks";
import { call, post, type Row } from "../../lib/api";
import { Notice } from "../../parts/basics";
import { FormDialog } from "../../parts/dialog";
import { Input, Select } from "../../parts/form";
import { CALLS, FORMATS, KINDS } from "./kinds";

/** What a reply shows in the place of a secret. */
const HIDDEN = "***";

/** What has no field stays as it is. */
const more = (of: Row, fields: string[]) => Object.fromEntries(Object.entries(of).filter(([name]) => !fields.includes(name)));

export function CallbackForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const said: Row = old?.variables ?? {};
  const [kind, setKind] = useState<string>(old?.kind ?? "generic_api");
  const [name, setName] = useState<string>(old?.name ?? "");
  const [calls, setCalls] = useState<string>(old?.type ?? "success_and_failure");
  const [content, setContent] = useState(said.message_logging === "true" ? "true" : "");
  const [format, setFormat] = useState<string>(said.log_format ?? "json_array");
  const [values, setValues] = useState<Record<string, string>>(Object.fromEntries(Object.entries(said).filter(([, value]) => value !== HIDDEN)));
  const variables = KINDS.find((one) => one.name === kind)?.variables ?? [];
  const save = async () => {
    const vars: Row = more(said, [...variables.map((one) => one.name), "message_logging", "log_format"]);
    for (const { name } of variables) {
      const value = values[name]?.trim();
      if (value) vars[name] = value;
      else if (said[name] === HIDDEN) vars[name] = HIDDEN;
    }
    if (content) vars.message_logging = content;
    if (kind === "generic_api" && format !== "json_array") vars.log_format = format;
    if (old) await call("PUT", `/callbacks/${encodeURIComponent(old.name)}`, { callback_type: calls, callback_vars: vars });
    else await post("/callbacks", { callback_name: name || kind, callback_kind: kind, callback_type: calls, callback_vars: vars });
    onDone();
  };
  return (
    <FormDialog title={old ? `Change ${old.name}` : "New callback"} action={old ? "Save" : "Add the callback"} onClose={onClose} save={save} side>
      {!old && <Notice>It is told of each call when that has ended: who asked, who answered, tokens, cost, time. It holds at once, on every gateway of this database; its addresses and keys are encrypted.</Notice>}
      {!old && <Select label="Where" value={kind} onChange={setKind} options={KINDS.map((one) => [one.name, `${one.about} (${one.name})`])} />}
      {!old && <Input label="Name" value={name} onChange={setName} placeholder={kind} hint="Letters, digits, - _ and . for logs and metrics." />}
      {variables.map((one) => (
        <Input
          key={one.name}
          label={one.label}
          type={one.secret ? "password" : "text"}
          autocomplete={one.secret ? "new-password" : "off"}
          value={values[one.name] ?? ""}
          onChange={(to) => setValues({ ...values, [one.name]: to })}
          required={one.required === true && said[one.name] !== HIDDEN}
          placeholder={said[one.name] === HIDDEN ? "as it is" : (one.placeholder ?? "")}
          hint={one.hint}
        />
      ))}
      {kind === "generic_api" && <Select label="Gets" value={format} onChange={setFormat} options={FORMATS} />}
      <Select label="Told of" value={calls} onChange={setCalls} options={CALLS} />
      <Select label="What was asked and answered" value={content} onChange={setContent} options={[["", "is as the configuration says"], ["true", "is told, too"]]} hint="It is told to nobody, unless litellm_settings.turn_off_message_logging or this says so." />
    </FormDialog>
  );
}
