// Making and changing a key, and the one moment in which it is shown.

import { useState } from "preact/hooks";
import { post, type Row } from "../../lib/api";
import { useGuardrails, useModels, useTeams, useUsers } from "../../lib/lists";
import { useWho } from "../../lib/who";
import { Code, Copy, Notice } from "../../parts/basics";
import { Dialog, FormDialog } from "../../parts/dialog";
import { Input, Select, Several } from "../../parts/form";
import { TermsFields, termsBody, termsOf } from "../../parts/terms";

const LIVES: [string, string][] = [
  ["", "never"],
  ["1d", "in a day"],
  ["7d", "in 7 days"],
  ["30d", "in 30 days"],
  ["90d", "in 90 days"],
  ["365d", "in a year"],
];

export function KeyForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: (key: Row) => void }) {
  const { seesAll } = useWho();
  const models = useModels();
  const teams = useTeams();
  const users = useUsers();
  const guardrails = useGuardrails();
  const [alias, setAlias] = useState<string>(old?.key_alias ?? "");
  const [team, setTeam] = useState<string>(old?.team_id ?? "");
  const [user, setUser] = useState<string>(old?.user_id ?? "");
  const [life, setLife] = useState(old ? "keep" : "");
  const [guards, setGuards] = useState<string[]>(old?.metadata?.guardrails ?? []);
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const body: Row = { ...termsBody(terms, !old), key_alias: alias || null };
    if (life !== "keep") body.duration = life || (old ? "-1" : undefined);
    if (guards.length > 0 || old?.metadata?.guardrails) body.guardrails = guards;
    if (team !== (old?.team_id ?? "")) body.team_id = team || null;
    if (user !== (old?.user_id ?? "")) body.user_id = user || null;
    onDone(await (old ? post("/key/update", { key: old.token, ...body }) : post("/key/generate", body)));
  };
  return (
    <FormDialog title={old ? "Change the key" : "New key"} action={old ? "Save" : "Make the key"} onClose={onClose} save={save} side>
      <Input label="Name" value={alias} onChange={setAlias} placeholder="what it is for: support-bot" autofocus />
      <div class="field-row">
        <Select label="Team" value={team} onChange={setTeam} options={[["", "none"], ...teams]} hint="Its budget and limits hold, too." />
        {seesAll && <Select label="User" value={user} onChange={setUser} options={[["", "none"], ...users]} />}
      </div>
      <TermsFields terms={terms} onChange={setTerms} models={models} />
      <Select label="Expires" value={life} onChange={setLife} options={old ? [["keep", "as it is"], ...LIVES] : LIVES} />
      {guardrails.length > 0 && <Several label="Guardrails" value={guards} onChange={setGuards} known={guardrails} placeholder="those of the gateway" hint="All its calls pass these, beside those that always hold." />}
    </FormDialog>
  );
}

export function NewKey({ made, onClose }: { made: Row; onClose: () => void }) {
  const example = `curl ${location.origin}/v1/chat/completions \\\n  -H 'authorization: Bearer ${made.key}' \\\n  -H 'content-type: application/json' \\\n  -d '{"model": "${made.models?.[0] ?? "<model>"}", "messages": [{"role": "user", "content": "Hello!"}]}'`;
  return (
    <Dialog title="Here is the key" onClose={onClose} wide>
      <div class="dialog-body">
        <Notice tone="warn">It is shown this once: the gateway keeps its hash alone. Put it where the program finds it.</Notice>
        <div class="new-key">
          <code data-key>{made.key}</code>
          <Copy text={made.key}>Copy</Copy>
        </div>
        <p class="dim">A call with it:</p>
        <Code>{example}</Code>
      </div>
    </Dialog>
  );
}
