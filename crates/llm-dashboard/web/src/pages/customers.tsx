// Customers: whom programs call for, by the user of their requests.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../lib/api";
import { attempt } from "../lib/deeds";
import { daily } from "../lib/daily";
import { date } from "../lib/format";
import { useLoad } from "../lib/load";
import { go, href } from "../lib/route";
import { useWho } from "../lib/who";
import { Button, Card, Facts, Head, Notice, Problem, Skeleton } from "../parts/basics";
import { Confirm, FormDialog } from "../parts/dialog";
import { Input, Select } from "../parts/form";
import { SpendChart } from "../parts/spend-chart";
import { limits, Spent, SpentCard, TermsFields, termsBody, termsOf } from "../parts/terms";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { Calls } from "./logs/calls";
import { People } from "./people/list";
import { State } from "./teams";

const PAGE = 50;

export function Customers({ rest }: PageProps) {
  return rest ? <OneCustomer id={rest} /> : <List />;
}

function List() {
  const { isAdmin } = useWho();
  return (
    <People<Row>
      title="Customers"
      about="Whoever a program calls for: it names them in the user of its requests, and each may have a budget and limits."
      icon="customers"
      what="customers"
      one="customer"
      search="Search by id or name"
      sort={{ by: "", down: true }}
      ask={async ({ search, page }, signal) => {
        const rows = await get<Row[]>("/customer/list", { search, page, page_size: PAGE }, signal);
        const more = rows.length === PAGE;
        return { rows, total: (page - 1) * PAGE + rows.length, pages: more ? page + 1 : page };
      }}
      id={(one) => one.user_id}
      to={(one) => href(`customers/${encodeURIComponent(one.user_id)}`)}
      columns={[
        { name: "Customer", cell: (one) => <span class="two-lines"><b>{one.alias || one.user_id}</b>{one.alias && <small class="mono">{one.user_id}</small>}</span> },
        { name: "Spend", cell: (one) => <Spent row={flat(one)} /> },
        { name: "Limits", cell: (one) => <span class="dim">{limits(flat(one))}</span>, wide: true },
        { name: "State", unseen: true, right: true, cell: (one) => <State of={flat(one)} /> },
      ]}
      empty="Those that nobody made are counted all the same; make one to give it a budget."
      {...(isAdmin ? { form: (close: () => void, again: () => void) => <CustomerForm onClose={close} onDone={() => { toast("The customer is made"); again(); }} /> } : {})}
    />
  );
}

/** Its limits may be those of a budget that it names. */
function flat(one: Row): Row {
  const own = Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null && value !== undefined));
  return { max_budget: null, ...(one.litellm_budget_table ?? {}), ...own };
}

function CustomerForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const { data: budgets } = useLoad((signal) => get<Row[]>("/budget/list", {}, signal), []);
  const [id, setId] = useState("");
  const [alias, setAlias] = useState<string>(old?.alias ?? "");
  const [budget, setBudget] = useState<string>(old?.budget_id ?? "");
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const { models, ...own } = termsBody(terms, !old);
    const body: Row = { alias: alias || null, ...(budget ? { budget_id: budget } : own) };
    await post(old ? "/customer/update" : "/customer/new", { user_id: old?.user_id ?? id, ...body });
    onDone();
  };
  return (
    <FormDialog title={old ? "Change the customer" : "New customer"} action={old ? "Save" : "Make the customer"} onClose={onClose} save={save} side>
      {!old && <Input label="Id" value={id} onChange={setId} required autofocus hint="As programs write it in the user of their requests." />}
      <Input label="Name" value={alias} onChange={setAlias} />
      <Select label="Budget" value={budget} onChange={setBudget} options={[["", "its own"], ...(budgets ?? []).map((one): [string, string] => [one.budget_id, one.budget_id])]} />
      {!budget && <TermsFields terms={terms} onChange={setTerms} models={[]} withoutModels />}
    </FormDialog>
  );
}

function OneCustomer({ id }: { id: string }) {
  const { isAdmin, seesAll } = useWho();
  const found = useLoad((signal) => get<Row>("/customer/info", { end_user_id: id }, signal), [id]);
  const [deed, setDeed] = useState<"edit" | "delete">();
  const back = { to: href("customers"), name: "Customers" };
  if (!found.data) return <><Head title={id} back={back} />{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const one = flat(found.data);
  const close = () => setDeed(undefined);
  return (
    <>
      <Head back={back} title={<>{one.alias || id} <State of={one} /></>} about={<span class="mono">{id}</span>}>
        {isAdmin && (
          <>
            <Button icon="edit" onClick={() => setDeed("edit")}>Edit</Button>
            <Button icon="block" onClick={() => attempt(() => post(one.blocked ? "/customer/unblock" : "/customer/block", { user_ids: [id] }), one.blocked ? "Calls for it are let through" : "Calls for it are refused").then(found.reload)}>{one.blocked ? "Unblock" : "Block"}</Button>
            <Button look="danger" icon="trash" onClick={() => setDeed("delete")}>Delete</Button>
          </>
        )}
      </Head>
      {one.budget_id && <Notice>Its limits are those of the budget <a href={href("budgets")}>{one.budget_id}</a>.</Notice>}
      <div class="halves">
        <Card title="Budget"><SpentCard row={one} /></Card>
        <Card title="Terms"><Facts of={[["Limits", limits(one)], ["Default model", one.default_model ?? "none"], ["Made", date(one.created_at)]]} /></Card>
      </div>
      {seesAll && <SpendChart ask={daily("/customer/daily/activity", { end_user_ids: id })} deps={[id]} />}
      <Calls title="Latest calls" filter={{ end_user: id }} size={10} more={`logs?customer=${encodeURIComponent(id)}`} />
      {deed === "edit" && <CustomerForm old={found.data} onClose={close} onDone={() => { close(); toast("Saved"); found.reload(); }} />}
      {deed === "delete" && (
        <Confirm title={`Delete ${one.alias || id}?`} action="Delete the customer" onClose={close} run={async () => { await post("/customer/delete", { user_ids: [id] }); toast("The customer is gone"); go("customers", true); }}>
          <p>Its budget and limits go with it; calls for it are let through again.</p>
        </Confirm>
      )}
    </>
  );
}
