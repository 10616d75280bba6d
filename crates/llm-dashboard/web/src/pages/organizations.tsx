// Organisations: teams under one budget, with administrators of their own.

import { useState } from "preact/hooks";
import { call, get, post, type Row } from "../lib/api";
import { daily } from "../lib/daily";
import { date } from "../lib/format";
import { useModels, useUsers } from "../lib/lists";
import { useLoad } from "../lib/load";
import { go, href } from "../lib/route";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Copy, Empty, Facts, Head, Names, Problem, Skeleton } from "../parts/basics";
import { Confirm, FormDialog } from "../parts/dialog";
import { Input, Select } from "../parts/form";
import { SpendChart } from "../parts/spend-chart";
import { Table } from "../parts/table";
import { limits, Spent, SpentCard, TermsFields, termsBody, termsOf } from "../parts/terms";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { People } from "./people/list";
import { State } from "./teams";

export function Organizations({ rest }: PageProps) {
  return rest ? <OneOrganization id={rest} /> : <List />;
}

function List() {
  const { isAdmin } = useWho();
  return (
    <People<Row>
      title="Organisations"
      about="An organisation holds teams together: one budget over all of them, and administrators of its own."
      icon="organizations"
      what="organisations"
      one="organisation"
      search="Search by name"
      sort={{ by: "", down: true }}
      ask={async ({ search }, signal) => {
        const rows = await get<Row[]>("/organization/list", { org_alias: search }, signal);
        return { rows, total: rows.length, pages: 1 };
      }}
      id={(one) => one.organization_id}
      to={(one) => href(`organizations/${encodeURIComponent(one.organization_id)}`)}
      columns={[
        { name: "Organisation", cell: (one) => <span class="two-lines"><b>{one.organization_alias || one.organization_id}</b>{one.organization_alias && <small class="mono">{one.organization_id}</small>}</span> },
        { name: "Teams", right: true, cell: (one) => one.teams?.length ?? 0, wide: true },
        { name: "Members", right: true, cell: (one) => one.members?.length ?? 0, wide: true },
        { name: "Models", cell: (one) => <Names of={one.models} />, wide: true },
        { name: "Spend", cell: (one) => <Spent row={budgeted(one)} /> },
      ]}
      empty="For several companies, or departments that look after their own teams."
      {...(isAdmin ? { form: (close: () => void, again: () => void) => <OrganizationForm onClose={close} onDone={() => { toast("The organisation is made"); again(); }} /> } : {})}
    />
  );
}

/** What it may spend stands in a table of its own. */
function budgeted(one: Row): Row {
  const table = one.litellm_budget_table ?? {};
  return { ...table, ...Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null)), spend: one.spend, max_budget: one.max_budget ?? table.max_budget ?? null };
}

function OrganizationForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const models = useModels();
  const [alias, setAlias] = useState<string>(old?.organization_alias ?? "");
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const body = { ...termsBody(terms, !old), organization_alias: alias };
    if (old) await call("PATCH", "/organization/update", { organization_id: old.organization_id, ...body });
    else await post("/organization/new", body);
    onDone();
  };
  return (
    <FormDialog title={old ? "Change the organisation" : "New organisation"} action={old ? "Save" : "Make it"} onClose={onClose} save={save} side>
      <Input label="Name" value={alias} onChange={setAlias} required autofocus />
      <TermsFields terms={terms} onChange={setTerms} models={models} />
    </FormDialog>
  );
}

function OneOrganization({ id }: { id: string }) {
  const { isAdmin, role } = useWho();
  const found = useLoad((signal) => get<Row>("/organization/info", { organization_id: id }, signal), [id]);
  const [deed, setDeed] = useState<"edit" | "delete" | "add">();
  const [leaving, setLeaving] = useState<Row>();
  const back = { to: href("organizations"), name: "Organisations" };
  if (!found.data) return <><Head title="Organisation" back={back} />{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const one = budgeted(found.data);
  const changes = isAdmin || role === "org_admin";
  const close = () => setDeed(undefined);
  const again = (what: string) => () => { close(); setLeaving(undefined); toast(what); found.reload(); };
  return (
    <>
      <Head back={back} title={one.organization_alias || id} about={<span class="row tight"><span class="mono cut">{id}</span><Copy text={id} /></span>}>
        {changes && <Button icon="edit" onClick={() => setDeed("edit")}>Edit</Button>}
        {isAdmin && <Button look="danger" icon="trash" onClick={() => setDeed("delete")}>Delete</Button>}
      </Head>
      <div class="halves">
        <Card title="Budget"><SpentCard row={one} /></Card>
        <Card title="Terms"><Facts of={[["Models", <Names of={one.models} />], ["Limits", limits(one)], ["Made", date(one.created_at)]]} /></Card>
      </div>
      <SpendChart ask={daily("/organization/daily/activity", { organization_ids: id })} deps={[id]} />
      <Card flush title="Teams">
        <Table label="Teams" rows={one.teams as Row[]} id={(team) => team.team_id} to={(team) => href(`teams/${encodeURIComponent(team.team_id)}`)}
          columns={[{ name: "Team", cell: (team) => <b>{team.team_alias || team.team_id}</b> }, { name: "Members", right: true, cell: (team) => team.members_with_roles?.length ?? 0, wide: true }, { name: "Spend", cell: (team) => <Spent row={team} /> }, { name: "State", unseen: true, right: true, cell: (team) => <State of={team} /> }]}
          empty={<Empty icon="teams" title="No teams">Choose this organisation when you make a team.</Empty>} />
      </Card>
      <Card flush title="Members" aside={changes && <Button small icon="plus" onClick={() => setDeed("add")}>Add</Button>}>
        <Table label="Members" rows={one.members as Row[]} id={(member) => member.user_id}
          columns={[
            { name: "Member", cell: (member) => <a href={href(`users/${encodeURIComponent(member.user_id)}`)}>{member.user_id}</a> },
            { name: "Role", cell: (member) => <Badge tone={member.user_role === "org_admin" ? "info" : "dull"}>{member.user_role === "org_admin" ? "admin" : "member"}</Badge> },
            { name: "What can be done", unseen: true, right: true, cell: (member) => changes && <Button look="quiet" small icon="close" label={`Take ${member.user_id} out`} onClick={() => setLeaving(member)} /> },
          ]}
          empty={<Empty icon="users" title="No members">Administrators of an organisation look after its teams and users.</Empty>} />
      </Card>
      {deed === "edit" && <OrganizationForm old={one} onClose={close} onDone={again("Saved")} />}
      {deed === "add" && <AddMember organization={id} onClose={close} onDone={again("Added")} />}
      {deed === "delete" && (
        <Confirm title={`Delete ${one.organization_alias || id}?`} action="Delete the organisation" onClose={close} run={async () => { await call("DELETE", "/organization/delete", { organization_ids: [id] }); toast("The organisation is gone"); go("organizations", true); }}>
          <p>Its {one.teams?.length ?? 0} teams and their keys go with it. This cannot be undone.</p>
        </Confirm>
      )}
      {leaving && (
        <Confirm title={`Take ${leaving.user_id} out?`} action="Take out" onClose={() => setLeaving(undefined)} run={async () => { await call("DELETE", "/organization/member_delete", { organization_id: id, user_id: leaving.user_id }); again("Taken out")(); }}>
          <p>The user stays.</p>
        </Confirm>
      )}
    </>
  );
}

function AddMember({ organization, onClose, onDone }: { organization: string; onClose: () => void; onDone: () => void }) {
  const users = useUsers();
  const [user, setUser] = useState("");
  const [role, setRole] = useState("internal_user");
  const save = async () => {
    const id = users.find(([id, name]) => id === user || name === user)?.[0] ?? user;
    await post("/organization/member_add", { organization_id: organization, member: [{ role, user_id: id }] });
    onDone();
  };
  return (
    <FormDialog title="Add a member" action="Add" onClose={onClose} save={save}>
      <Input label="User" value={user} onChange={setUser} required autofocus list={users.map(([, name]) => name)} />
      <Select label="Role" value={role} onChange={setRole} options={[["internal_user", "Member"], ["org_admin", "Admin"]]} />
    </FormDialog>
  );
}
