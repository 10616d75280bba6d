// The audit log: who changed what, and what it was before.

import { useState } from "preact/hooks";
import { get, type Row } from "../lib/api";
import { ago, shorten, time } from "../lib/format";
import { Badge, Code, Facts } from "../parts/basics";
import { Dialog } from "../parts/dialog";
import { Select } from "../parts/form";
import { People } from "./people/list";

const TABLES: [string, string][] = [
  ["LiteLLM_VerificationToken", "key"],
  ["LiteLLM_TeamTable", "team"],
  ["LiteLLM_UserTable", "user"],
  ["LiteLLM_OrganizationTable", "organisation"],
  ["LiteLLM_EndUserTable", "customer"],
  ["LiteLLM_BudgetTable", "budget"],
  ["LiteLLM_TagTable", "tag"],
  ["LiteLLM_ProxyModelTable", "deployment"],
  ["LiteLLM_Config", "setting"],
];

const DONE: Record<string, "good" | "info" | "bad" | "warn"> = { created: "good", updated: "info", deleted: "bad", blocked: "warn" };

export function Audit() {
  const [table, setTable] = useState("");
  const [action, setAction] = useState("");
  const [shown, setShown] = useState<Row>();
  return (
    <>
      <People<Row>
        title="Audit"
        about="Every change of keys, teams, users, budgets and models: who made it, when, and what it was before."
        icon="audit"
        what="changes"
        one="change"
        search="Search by id or by who"
        sort={{ by: "updated_at", down: true }}
        deps={[table, action]}
        filters={
          <>
            <Select bare label="Of what" value={table} onChange={setTable} options={[["", "Of anything"], ...TABLES]} />
            <Select bare label="What was done" value={action} onChange={setAction} options={[["", "Any change"], ["created", "Made"], ["updated", "Changed"], ["deleted", "Deleted"]]} />
          </>
        }
        ask={async ({ search, page, sorting }, signal) => {
          const found = await get<Row>("/audit", { search, page, page_size: 25, table_name: table, action, sort_by: sorting.by, sort_order: sorting.down ? "desc" : "asc" }, signal);
          return { rows: found.audit_logs, total: found.total, pages: found.total_pages };
        }}
        id={(one) => one.id}
        onRow={setShown}
        columns={[
          { name: "When", sort: "updated_at", cell: (one) => <span title={time(one.updated_at)}>{ago(one.updated_at)}</span> },
          { name: "What", cell: (one) => <span class="status-row"><Badge tone={DONE[one.action] ?? "dull"}>{one.action}</Badge> {kind(one)}</span> },
          { name: "Which", cell: (one) => <span class="two-lines"><span>{nameOf(one)}</span><small class="mono">{shorten(one.object_id, 20)}</small></span> },
          { name: "By", cell: (one) => (one.changed_by === "default_user_id" ? "master key" : one.changed_by), wide: true },
        ]}
        empty="What is changed here or through the API shows up in this list."
      />
      {shown && <Entry of={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function kind(one: Row): string {
  return TABLES.find(([name]) => name === one.table_name)?.[1] ?? one.table_name;
}

function nameOf(one: Row): string {
  const value = one.updated_values ?? one.before_value ?? {};
  return value.alias ?? value.email ?? value.model_name ?? value.name ?? "";
}

function Entry({ of, onClose }: { of: Row; onClose: () => void }) {
  const changes = changed(of.before_value, of.updated_values);
  return (
    <Dialog title={`${kind(of)} ${of.action}`} onClose={onClose} side>
      <div class="dialog-body">
        <Facts of={[["When", time(of.updated_at)], ["By", of.changed_by], ["Id", <code class="cut">{of.object_id}</code>]]} />
        {of.action === "updated" ? (
          <Code>{changes.length ? changes.map(([name, before, after]) => `${name}\n  - ${before}\n  + ${after}`).join("\n") : "nothing that is shown"}</Code>
        ) : (
          <Code>{JSON.stringify(of.updated_values ?? of.before_value, null, 2)}</Code>
        )}
      </div>
    </Dialog>
  );
}

/** Fields that are not as they were. */
function changed(before: Row | null, after: Row | null): [string, string, string][] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const text = (value: unknown) => JSON.stringify(value) ?? "nothing";
  return [...names].map((name): [string, string, string] => [name, text(before?.[name]), text(after?.[name])]).filter(([name, one, other]) => one !== other && name !== "updated_at");
}
