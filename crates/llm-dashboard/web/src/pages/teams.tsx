// Teams: a list, and one team with its members, keys and budget.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../lib/api";
import { attempt } from "../lib/deeds";
import { ago, date, shorten } from "../lib/format";
import { named, useModels, useOrganizations, useUsers } from "../lib/lists";
import { useLoad, useRested } from "../lib/load";
import { go, href } from "../lib/route";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Copy, Empty, Facts, Head, Names, Problem, Skeleton } from "../parts/basics";
import { Confirm, FormDialog } from "../parts/dialog";
import { Input, Search, Select } from "../parts/form";
import { SpendChart } from "../parts/spend-chart";
import { Pages, Table, type Column, type Sorting } from "../parts/table";
import { limits, Spent, SpentCard, TermsFields, termsBody, termsOf } from "../parts/terms";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { daily } from "../lib/daily";
import { KeyState } from "./keys";
import { Calls } from "./logs/calls";

export function Teams({ rest }: PageProps) {
  return rest ? <OneTeam id={rest} /> : <List />;
}

function List() {
  const { isAdmin, role } = useWho();
  const makes = isAdmin || role === "org_admin";
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
  const [sorting, setSorting] = useState<Sorting>({ by: "created_at", down: true });
  const [making, setMaking] = useState(false);
  const rested = useRested(search);
  const organizations = useOrganizations();
  const found = useLoad((signal) => get<{ teams: Row[]; total: number; total_pages: number }>("/v2/team/list", { page, page_size: 25, team_alias: rested, sort_by: sorting.by, sort_order: sorting.down ? "desc" : "asc" }, signal), [page, rested, sorting]);
  const columns: Column<Row>[] = [
    { name: "Team", sort: "team_alias", cell: (team) => <span class="two-lines"><b>{team.team_alias || team.team_id}</b>{team.team_alias && <small class="mono">{shorten(team.team_id, 22)}</small>}</span> },
    { name: "Organisation", cell: (team) => (team.organization_id ? <a href={href(`organizations/${encodeURIComponent(team.organization_id)}`)}>{named(organizations, team.organization_id)}</a> : <span class="dim">none</span>), wide: true },
    { name: "Members", cell: (team) => team.members_with_roles?.length ?? 0, right: true, wide: true },
    { name: "Models", cell: (team) => <Names of={team.models} />, wide: true },
    { name: "Spend", cell: (team) => <Spent row={team} /> },
    { name: "Made", sort: "created_at", cell: (team) => <span title={date(team.created_at)}>{ago(team.created_at)}</span>, wide: true },
    { name: "State", unseen: true, cell: (team) => <State of={team} />, right: true },
  ];
  return (
    <>
      <Head title="Teams" about="A team has members and keys, and one budget that all of them spend from.">
        {makes && <Button look="primary" icon="plus" onClick={() => setMaking(true)}>New team</Button>}
      </Head>
      <div class="filters"><Search label="Search by name" value={search} onChange={(to) => { setSearch(to); setPage(1); }} /></div>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush>
        <Table label="Teams" columns={columns} rows={found.data?.teams} loading={found.loading} id={(team) => team.team_id} to={(team) => href(`teams/${encodeURIComponent(team.team_id)}`)} sorting={sorting} onSort={setSorting}
          empty={rested ? <Empty icon="search" title="No team matches" /> : <Empty icon="teams" title="No teams yet" action={makes && <Button look="primary" icon="plus" onClick={() => setMaking(true)}>Make the first team</Button>}>Put keys that one budget pays for into a team.</Empty>} />
      </Card>
      <Pages page={page} pages={found.data?.total_pages ?? 1} total={found.data?.total ?? 0} onPage={setPage} what="teams" />
      {making && <TeamForm onClose={() => setMaking(false)} onDone={(team) => { toast("The team is made"); go(`teams/${encodeURIComponent(team.team_id)}`); }} />}
    </>
  );
}

export function State({ of }: { of: Row }) {
  if (of.blocked) return <Badge tone="bad" dot>blocked</Badge>;
  if (of.max_budget && Number(of.spend) >= of.max_budget) return <Badge tone="warn" dot>spent</Badge>;
  return <Badge tone="good" dot>active</Badge>;
}

function TeamForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: (team: Row) => void }) {
  const models = useModels();
  const organizations = useOrganizations();
  const [alias, setAlias] = useState<string>(old?.team_alias ?? "");
  const [organization, setOrganization] = useState<string>(old?.organization_id ?? "");
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const body: Row = { ...termsBody(terms, !old), team_alias: alias };
    if (organization !== (old?.organization_id ?? "")) body.organization_id = organization || null;
    if (!old) return onDone(await post("/team/new", body));
    await post("/team/update", { team_id: old.team_id, ...body });
    onDone(old);
  };
  return (
    <FormDialog title={old ? "Change the team" : "New team"} action={old ? "Save" : "Make the team"} onClose={onClose} save={save} side>
      <Input label="Name" value={alias} onChange={setAlias} required autofocus placeholder="Customer support" />
      {organizations.length > 0 && <Select label="Organisation" value={organization} onChange={setOrganization} options={[["", "none"], ...organizations]} />}
      <TermsFields terms={terms} onChange={setTerms} models={models} />
    </FormDialog>
  );
}

function OneTeam({ id }: { id: string }) {
  const { role } = useWho();
  const found = useLoad((signal) => get<{ team_info: Row; keys: Row[]; team_memberships: Row[] }>("/team/info", { team_id: id }, signal), [id]);
  const [deed, setDeed] = useState<"edit" | "delete" | "add">();
  const [leaving, setLeaving] = useState<Row>();
  const back = { to: href("teams"), name: "Teams" };
  const team = found.data?.team_info;
  if (!team) return <><Head title="Team" back={back} />{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const changes = role !== "proxy_admin_viewer" && role !== "internal_user_viewer";
  const close = () => setDeed(undefined);
  const again = (what: string) => () => { close(); setLeaving(undefined); toast(what); found.reload(); };
  const spentOf = (user: string) => found.data?.team_memberships?.find((one) => one.user_id === user);
  const members: Column<Row>[] = [
    { name: "Member", cell: (one) => <a href={href(`users/${encodeURIComponent(one.user_id)}`)}>{one.user_email ?? one.user_id}</a> },
    { name: "Role", cell: (one) => (one.role === "admin" ? <Badge tone="info">admin</Badge> : <Badge>member</Badge>) },
    { name: "Spend in the team", cell: (one) => <Spent row={{ spend: spentOf(one.user_id)?.spend ?? 0, max_budget: spentOf(one.user_id)?.litellm_budget_table?.max_budget ?? null }} />, wide: true },
    { name: "What can be done", unseen: true, right: true, cell: (one) => changes && <Button look="quiet" small icon="close" label={`Take ${one.user_email ?? one.user_id} out`} onClick={() => setLeaving(one)} /> },
  ];
  return (
    <>
      <Head back={back} title={<>{team.team_alias || team.team_id} <State of={team} /></>} about={<span class="row tight"><span class="mono cut">{team.team_id}</span><Copy text={team.team_id} /></span>}>
        {changes && (
          <>
            <Button icon="edit" onClick={() => setDeed("edit")}>Edit</Button>
            <Button icon="block" onClick={() => attempt(() => post(team.blocked ? "/team/unblock" : "/team/block", { team_id: id }), team.blocked ? "The team may call again" : "The team is blocked").then(found.reload)}>{team.blocked ? "Unblock" : "Block"}</Button>
            <Button look="danger" icon="trash" onClick={() => setDeed("delete")}>Delete</Button>
          </>
        )}
      </Head>
      <div class="halves">
        <Card title="Budget"><SpentCard row={team} /></Card>
        <Card title="Terms"><Facts of={[["Models", <Names of={team.models} />], ["Limits", limits(team)], ["Organisation", team.organization_id ? <a href={href(`organizations/${encodeURIComponent(team.organization_id)}`)}>{team.organization_id}</a> : "none"], ["Made", date(team.created_at)]]} /></Card>
      </div>
      <SpendChart ask={daily("/team/daily/activity", { team_ids: id })} deps={[id]} />
      <Card flush title="Members" aside={changes && <Button small icon="plus" onClick={() => setDeed("add")}>Add</Button>}>
        <Table label="Members" columns={members} rows={team.members_with_roles ?? []} id={(one) => one.user_id} empty={<Empty icon="users" title="No members">Members see the team and, as its admins, change it.</Empty>} />
      </Card>
      <Card flush title="Keys" aside={<a href={href(`keys?team=${encodeURIComponent(id)}`)}>All keys</a>}>
        <Table label="Keys of the team" rows={(found.data?.keys ?? []).slice(0, 20)} id={(key) => key.token} to={(key) => href(`keys/${key.token}`)}
          columns={[
            { name: "Key", cell: (key) => <b>{key.key_alias || key.key_name}</b> },
            { name: "Spend", cell: (key) => <Spent row={key} /> },
            { name: "Models", cell: (key) => <Names of={key.models} />, wide: true },
            { name: "State", unseen: true, right: true, cell: (key) => <KeyState of={key} /> },
          ]}
          empty={<Empty icon="keys" title="No keys">Make a key and choose this team for it.</Empty>} />
      </Card>
      <Calls title="Latest calls" filter={{ team_id: id }} size={10} more={`logs?team=${encodeURIComponent(id)}`} />
      {deed === "edit" && <TeamForm old={team} onClose={close} onDone={again("Saved: it holds from the next call on")} />}
      {deed === "add" && <AddMember team={id} onClose={close} onDone={again("Added")} />}
      {deed === "delete" && (
        <Confirm title={`Delete ${team.team_alias || team.team_id}?`} action="Delete the team" onClose={close} run={async () => { await post("/team/delete", { team_ids: [id] }); toast("The team is gone"); go("teams", true); }}>
          <p>Its {found.data?.keys?.length ?? 0} keys go with it: programs that show them are refused from the next call on. This cannot be undone.</p>
        </Confirm>
      )}
      {leaving && (
        <Confirm title={`Take ${leaving.user_email ?? leaving.user_id} out?`} action="Take out" onClose={() => setLeaving(undefined)} run={async () => { await post("/team/member_delete", { team_id: id, user_id: leaving.user_id }); again("Taken out")(); }}>
          <p>The user stays; keys that it has in this team do not.</p>
        </Confirm>
      )}
    </>
  );
}

function AddMember({ team, onClose, onDone }: { team: string; onClose: () => void; onDone: () => void }) {
  const users = useUsers();
  const [user, setUser] = useState("");
  const [role, setRole] = useState("user");
  const [budget, setBudget] = useState("");
  const save = async () => {
    const known = users.find(([id, name]) => id === user || name === user)?.[0];
    const who = known ? { user_id: known } : user.includes("@") ? { user_email: user } : { user_id: user };
    await post("/team/member_add", { team_id: team, member: { role, ...who }, ...(budget ? { max_budget_in_team: Number(budget) } : {}) });
    onDone();
  };
  return (
    <FormDialog title="Add a member" action="Add" onClose={onClose} save={save}>
      <Input label="User" value={user} onChange={setUser} required autofocus list={users.map(([, name]) => name)} hint="An id or an address. Who is not there yet is made." />
      <div class="field-row">
        <Select label="Role" value={role} onChange={setRole} options={[["user", "Member"], ["admin", "Admin"]]} />
        <Input label="Budget in the team" type="number" min="0" step="any" unit="$" value={budget} onChange={setBudget} placeholder="none" />
      </div>
    </FormDialog>
  );
}
