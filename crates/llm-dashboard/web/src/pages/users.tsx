// Users: who may sign in with keys of their own, and what each of them used.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../lib/api";
import { ago, date } from "../lib/format";
import { daily } from "../lib/daily";
import { useModels, useTeams } from "../lib/lists";
import { useLoad } from "../lib/load";
import { go, href } from "../lib/route";
import { ROLES, useWho } from "../lib/who";
import { Badge, Button, Card, Copy, Empty, Facts, Head, Names, Problem, Skeleton } from "../parts/basics";
import { Confirm, FormDialog } from "../parts/dialog";
import { Input, Select, Several } from "../parts/form";
import { SpendChart } from "../parts/spend-chart";
import { Table } from "../parts/table";
import { limits, Spent, SpentCard, TermsFields, termsBody, termsOf } from "../parts/terms";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { KeyState } from "./keys";
import { People } from "./people/list";

const MADE: [string, string][] = ["internal_user", "internal_user_viewer", "proxy_admin", "proxy_admin_viewer"].map((role) => [role, ROLES[role] ?? role]);

export function Users({ rest }: PageProps) {
  return rest ? <OneUser id={rest} /> : <List />;
}

function List() {
  const { isAdmin } = useWho();
  return (
    <People<Row>
      title="Users"
      about="A user has keys, is in teams, and has a role that says what it may see and change here."
      icon="users"
      what="users"
      one="user"
      search="Search by id, address or name"
      sort={{ by: "created_at", down: true }}
      ask={async ({ search, page, sorting }, signal) => {
        const found = await get<Row>("/user/list", { search, page, page_size: 25, sort_by: sorting.by, sort_order: sorting.down ? "desc" : "asc" }, signal);
        return { rows: found.users, total: found.total, pages: found.total_pages };
      }}
      id={(user) => user.user_id}
      to={(user) => href(`users/${encodeURIComponent(user.user_id)}`)}
      columns={[
        { name: "User", sort: "user_email", cell: (user) => <span class="two-lines"><b>{user.user_email || user.user_alias || user.user_id}</b>{(user.user_email || user.user_alias) && <small class="mono">{user.user_id}</small>}</span> },
        { name: "Role", sort: "user_role", cell: (user) => <RoleBadge of={user.user_role} /> },
        { name: "Keys", right: true, cell: (user) => user.key_count ?? 0, wide: true },
        { name: "Teams", right: true, cell: (user) => user.teams?.length ?? 0, wide: true },
        { name: "Spend", sort: "spend", cell: (user) => <Spent row={user} /> },
        { name: "Made", sort: "created_at", cell: (user) => <span title={date(user.created_at)}>{ago(user.created_at)}</span>, wide: true },
      ]}
      empty="Make one for each person that is to have keys of their own."
      {...(isAdmin ? { form: (close: () => void, again: () => void) => <UserForm onClose={close} onDone={() => { toast("The user is made"); again(); }} /> } : {})}
    />
  );
}

function RoleBadge({ of }: { of: string }) {
  return <Badge tone={of.startsWith("proxy_admin") ? "info" : "dull"}>{ROLES[of] ?? of}</Badge>;
}

function UserForm({ old, onClose, onDone }: { old?: Row; onClose: () => void; onDone: () => void }) {
  const models = useModels();
  const teams = useTeams();
  const [email, setEmail] = useState<string>(old?.user_email ?? "");
  const [id, setId] = useState("");
  const [role, setRole] = useState<string>(old?.user_role ?? "internal_user");
  const [of, setOf] = useState<string[]>([]);
  const [terms, setTerms] = useState(termsOf(old));
  const save = async () => {
    const body: Row = { ...termsBody(terms, !old), user_role: role, user_email: email || null };
    if (old) await post("/user/update", { user_id: old.user_id, ...body });
    else await post("/user/new", { ...body, user_id: id || undefined, teams: of.map((name) => teams.find(([, alias]) => alias === name)?.[0] ?? name), auto_create_key: false });
    onDone();
  };
  return (
    <FormDialog title={old ? "Change the user" : "New user"} action={old ? "Save" : "Make the user"} onClose={onClose} save={save} side>
      <Input label="Address" value={email} onChange={setEmail} autofocus placeholder="mia@example.com" />
      {!old && <Input label="Id" value={id} onChange={setId} placeholder="made for you" />}
      <Select label="Role" value={role} onChange={setRole} options={MADE.some(([one]) => one === role) ? MADE : [...MADE, [role, ROLES[role] ?? role]]} />
      {!old && teams.length > 0 && <Several label="Teams" value={of} onChange={setOf} known={teams.map(([, name]) => name)} placeholder="none" />}
      <TermsFields terms={terms} onChange={setTerms} models={models} />
    </FormDialog>
  );
}

function OneUser({ id }: { id: string }) {
  const { isAdmin, seesAll } = useWho();
  const found = useLoad((signal) => get<Row>("/user/info", { user_id: id }, signal), [id]);
  const [deed, setDeed] = useState<"edit" | "delete">();
  const back = { to: href("users"), name: "Users" };
  const user = found.data?.user_info as Row | undefined;
  if (!user) return <><Head title="User" back={back} />{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const close = () => setDeed(undefined);
  return (
    <>
      <Head back={back} title={<>{user.user_email || user.user_alias || id} <RoleBadge of={user.user_role} /></>} about={<span class="row tight"><span class="mono cut">{id}</span><Copy text={id} /></span>}>
        {isAdmin && (
          <>
            <Button icon="edit" onClick={() => setDeed("edit")}>Edit</Button>
            <Button look="danger" icon="trash" onClick={() => setDeed("delete")}>Delete</Button>
          </>
        )}
      </Head>
      <div class="halves">
        <Card title="Budget"><SpentCard row={user} /></Card>
        <Card title="Terms">
          <Facts of={[["Models", <Names of={user.models} />], ["Limits", limits(user)], ["Teams", found.data?.teams?.length ? <span class="row">{found.data.teams.map((team: Row) => <a key={team.team_id} href={href(`teams/${encodeURIComponent(team.team_id)}`)}>{team.team_alias || team.team_id}</a>)}</span> : "none"], ["Made", date(user.created_at)]]} />
        </Card>
      </div>
      {seesAll && <SpendChart ask={daily("/user/daily/activity", { user_id: id })} deps={[id]} />}
      <Card flush title="Keys">
        <Table label="Keys of the user" rows={found.data?.keys as Row[]} id={(key) => key.token} to={(key) => href(`keys/${key.token}`)}
          columns={[
            { name: "Key", cell: (key) => <b>{key.key_alias || key.key_name}</b> },
            { name: "Spend", cell: (key) => <Spent row={key} /> },
            { name: "Models", cell: (key) => <Names of={key.models} />, wide: true },
            { name: "State", unseen: true, right: true, cell: (key) => <KeyState of={key} /> },
          ]}
          empty={<Empty icon="keys" title="No keys">Make a key and choose this user for it.</Empty>} />
      </Card>
      {deed === "edit" && <UserForm old={user} onClose={close} onDone={() => { close(); toast("Saved"); found.reload(); }} />}
      {deed === "delete" && (
        <Confirm title={`Delete ${user.user_email || id}?`} action="Delete the user" onClose={close} run={async () => { await post("/user/delete", { user_ids: [id] }); toast("The user is gone"); go("users", true); }}>
          <p>Its keys go with it, and it leaves its teams. What it spent stays in the sums and the logs.</p>
        </Confirm>
      )}
    </>
  );
}
