// Budgets that several may name, who is near the end of theirs, and who is told.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../lib/api";
import { money, percent } from "../lib/format";
import { useLoad } from "../lib/load";
import { href } from "../lib/route";
import { useWho } from "../lib/who";
import { Button, BudgetBar, Card, Empty, Head, Notice, Problem } from "../parts/basics";
import { Confirm, FormDialog } from "../parts/dialog";
import { Input } from "../parts/form";
import { Table } from "../parts/table";
import { limits, TermsFields, termsBody, termsOf } from "../parts/terms";
import { toast } from "../parts/toast";
import { Alerts } from "./budgets/alerts";

export function Budgets() {
  const { isAdmin } = useWho();
  const found = useLoad((signal) => get<Row[]>("/budget/list", {}, signal), []);
  const whole = useLoad((signal) => get<Row>("/global/spend", {}, signal), []);
  const [deed, setDeed] = useState<{ kind: "new" } | { kind: "edit" | "delete"; row: Row }>();
  const again = (what: string) => { setDeed(undefined); toast(what); found.reload(); };
  const max = whole.data?.max_budget;
  return (
    <>
      <Head title="Budgets and alerts" about="A budget with an id is a set of limits that keys, teams, users and customers may name; each of them spends for itself.">
        {isAdmin && <Button look="primary" icon="plus" onClick={() => setDeed({ kind: "new" })}>New budget</Button>}
      </Head>
      {max !== undefined && max !== null && (
        <Card title="The whole gateway">
          <div class="spent-card">
            <div><b class="big">{money(whole.data?.spend)}</b><span class="dim"> in 30 days, may be {money(max)}</span></div>
            <BudgetBar spent={Number(whole.data?.spend)} of={max} />
          </div>
        </Card>
      )}
      <Near />
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush title="Budgets that can be named">
        <Table
          label="Budgets"
          rows={found.data}
          id={(one) => one.budget_id}
          {...(isAdmin ? { onRow: (row: Row) => setDeed({ kind: "edit", row }) } : {})}
          columns={[
            { name: "Id", cell: (one) => <b>{one.budget_id}</b> },
            { name: "Budget", cell: (one) => (one.max_budget === null ? <span class="dim">none</span> : `${money(one.max_budget)}${one.budget_duration ? ` in ${one.budget_duration}` : ""}`) },
            { name: "Limits", cell: (one) => <span class="dim">{limits(one)}</span>, wide: true },
            { name: "What can be done", unseen: true, right: true, cell: (one) => isAdmin && <Button look="quiet" small icon="trash" label={`Delete ${one.budget_id}`} onClick={() => setDeed({ kind: "delete", row: one })} /> },
          ]}
          empty={<Empty icon="budgets" title="No budgets with an id">Make one, say for all customers of a plan, and name it where limits are set.</Empty>}
        />
      </Card>
      <Alerts />
      {deed && deed.kind !== "delete" && <BudgetForm {...(deed.kind === "edit" ? { old: deed.row } : {})} onClose={() => setDeed(undefined)} onDone={() => again(deed.kind === "new" ? "The budget is made" : "Saved")} />}
      {deed?.kind === "delete" && (
        <Confirm title={`Delete ${deed.row.budget_id}?`} action="Delete the budget" onClose={() => setDeed(undefined)} run={async () => { await post("/budget/delete", { id: deed.row.budget_id }); again("The budget is gone"); }}>
          <p>Those that name it have no such limits any more.</p>
        </Confirm>
      )}
    </>
  );
}

/** Keys and teams that have spent the most of theirs. */
function Near() {
  const keys = useLoad((signal) => get<{ keys: Row[] }>("/key/list", { return_full_object: true, size: 100, sort_by: "spend", sort_order: "desc", min_spend: 0.000001 }, signal), []);
  const teams = useLoad((signal) => get<{ teams: Row[] }>("/v2/team/list", { page_size: 100, sort_by: "spend", sort_order: "desc", min_spend: 0.000001 }, signal), []);
  const all = [
    ...(keys.data?.keys ?? []).map((row) => ({ row, kind: "key", name: row.key_alias || row.key_name, to: href(`keys/${row.token}`) })),
    ...(teams.data?.teams ?? []).map((row) => ({ row, kind: "team", name: row.team_alias || row.team_id, to: href(`teams/${encodeURIComponent(row.team_id)}`) })),
  ];
  const part = (row: Row) => Number(row.spend) / Number(row.max_budget);
  const near = all.filter(({ row }) => row.max_budget > 0).sort((one, other) => part(other.row) - part(one.row)).slice(0, 8);
  if (!keys.data || !teams.data) return null;
  if (near.length === 0) return <Notice>Nobody with a budget has spent anything in the period that runs.</Notice>;
  return (
    <Card flush title="Nearest to the end of their budget">
      <Table
        label="Nearest to the end of their budget"
        rows={near}
        id={(one) => one.to}
        to={(one) => one.to}
        columns={[
          { name: "Who", cell: (one) => <span class="two-lines"><b>{one.name}</b><small>{one.kind}</small></span> },
          { name: "Spent", right: true, cell: (one) => money(one.row.spend) },
          { name: "Of", right: true, cell: (one) => `${money(one.row.max_budget)}${one.row.budget_duration ? ` in ${one.row.budget_duration}` : ""}`, wide: true },
          { name: "Part, drawn", unseen: true, cell: (one) => <BudgetBar spent={Number(one.row.spend)} of={one.row.max_budget} label={`${one.name}: spent of the budget`} />, wide: true },
          { name: "Part", right: true, cell: (one) => percent(Number(one.row.spend), Number(one.row.max_budget)) },
        ]}
      />
    </Card>
  );
}

function BudgetForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const [id, setId] = useState("");
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const { models, ...body } = termsBody(terms, !old);
    await post(old ? "/budget/update" : "/budget/new", { budget_id: old?.budget_id ?? (id || undefined), ...body });
    onDone();
  };
  return (
    <FormDialog title={old ? `Change ${old.budget_id}` : "New budget"} action={old ? "Save" : "Make the budget"} onClose={onClose} save={save} side>
      {!old && <Input label="Id" value={id} onChange={setId} required autofocus placeholder="starter" />}
      <TermsFields terms={terms} onChange={setTerms} models={[]} withoutModels />
    </FormDialog>
  );
}
