// Keys: a list that the gateway sorts and searches, and one key with all that it is.

import { useState } from "preact/hooks";
import { get, type Row } from "../lib/api";
import { ago, date, shorten } from "../lib/format";
import { named, useTeams } from "../lib/lists";
import { useLoad, useRested } from "../lib/load";
import { href, setParams } from "../lib/route";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Empty, Head, Names, Notice, Problem } from "../parts/basics";
import { Search, Select } from "../parts/form";
import { Pages, Table, type Column, type Sorting } from "../parts/table";
import { Spent } from "../parts/terms";
import type { PageProps } from "../shell";
import { KeyForm, NewKey } from "./keys/form";
import { OneKey } from "./keys/one";

interface Listed {
  keys: Row[];
  total_count: number;
  total_pages: number;
}

export function Keys({ rest, place }: PageProps) {
  return rest ? <OneKey hash={rest} /> : <List place={place} />;
}

function List({ place }: Pick<PageProps, "place">) {
  const { makes, session } = useWho();
  const [search, setSearch] = useState(place.params.get("search") ?? "");
  const [page, setPage] = useState(1);
  const [sorting, setSorting] = useState<Sorting>({ by: "created_at", down: true });
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Row>();
  const status = place.params.get("status") ?? "";
  const team = place.params.get("team") ?? "";
  const teams = useTeams();
  const rested = useRested(search);
  const found = useLoad(
    (signal) => get<Listed>("/key/list", { return_full_object: true, include_team_keys: true, page, size: 25, search: rested, status, team_id: team, sort_by: sorting.by, sort_order: sorting.down ? "desc" : "asc" }, signal),
    [page, rested, status, team, sorting],
  );
  const columns: Column<Row>[] = [
    { name: "Key", sort: "key_alias", cell: (key) => <KeyName of={key} /> },
    { name: "Whose", cell: (key) => (key.team_id ? <a href={href(`teams/${encodeURIComponent(key.team_id)}`)}>{named(teams, key.team_id)}</a> : key.user_id ? <span class="mono">{shorten(key.user_id, 18)}</span> : <span class="dim">nobody's</span>), wide: true },
    { name: "Models", cell: (key) => <Names of={key.models} />, wide: true },
    { name: "Spend", sort: "spend", cell: (key) => <Spent row={key} /> },
    { name: "Expires", sort: "expires", cell: (key) => (key.expires ? <span title={date(key.expires)}>{ago(key.expires)}</span> : <span class="dim">never</span>), wide: true },
    { name: "Made", sort: "created_at", cell: (key) => <span title={date(key.created_at)}>{ago(key.created_at)}</span>, wide: true },
    { name: "State", unseen: true, cell: (key) => <KeyState of={key} />, right: true },
  ];
  const filter = (changes: Record<string, string | undefined>) => {
    setPage(1);
    setParams(changes);
  };
  const isFiltered = rested !== "" || status !== "" || team !== "";
  return (
    <>
      <Head title="Keys" about="Programs show a key with each call. It says which models they may use, how often, and what they may spend.">
        {makes && (
          <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
            New key
          </Button>
        )}
      </Head>
      {!session.wants_key && <Notice>Keys that are made here mean nothing until the gateway has a master key: without one nobody has to show any.</Notice>}
      <div class="filters">
        <Search label="Search by name or hash" value={search} onChange={(to) => { setSearch(to); setPage(1); }} />
        <Select bare label="State" value={status} onChange={(to) => filter({ status: to || undefined })} options={[["", "Any state"], ["active", "Active"], ["expired", "Expired"], ["blocked", "Blocked"]]} />
        {teams.length > 0 && <Select bare label="Team" value={team} onChange={(to) => filter({ team: to || undefined })} options={[["", "Any team"], ...teams]} />}
      </div>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush>
        <Table
          label="Keys"
          columns={columns}
          rows={found.data?.keys}
          loading={found.loading}
          id={(key) => key.token}
          to={(key) => href(`keys/${key.token}`)}
          sorting={sorting}
          onSort={(to) => { setSorting(to); setPage(1); }}
          empty={
            isFiltered ? (
              <Empty icon="search" title="No key matches">Take a filter away, or search for a part of the name.</Empty>
            ) : (
              <Empty icon="keys" title="No keys yet" action={makes && <Button look="primary" icon="plus" onClick={() => setMaking(true)}>Make the first key</Button>}>
                Give each program a key of its own: then you see what it uses, and can stop it alone.
              </Empty>
            )
          }
        />
      </Card>
      <Pages page={page} pages={found.data?.total_pages ?? 1} total={found.data?.total_count ?? 0} onPage={setPage} what="keys" />
      {making && <KeyForm onClose={() => setMaking(false)} onDone={(key) => { setMaking(false); setMade(key); found.reload(); }} />}
      {made && <NewKey made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

function KeyName({ of }: { of: Row }) {
  return (
    <span class="two-lines">
      <b>{of.key_alias || of.key_name}</b>
      {of.key_alias && <small class="mono">{of.key_name}</small>}
    </span>
  );
}

export function KeyState({ of }: { of: Row }) {
  if (of.blocked) return <Badge tone="bad" dot>blocked</Badge>;
  if (of.expires && Date.parse(of.expires) < Date.now()) return <Badge tone="warn" dot>expired</Badge>;
  if (of.max_budget && Number(of.spend) >= of.max_budget) return <Badge tone="warn" dot>spent</Badge>;
  return <Badge tone="good" dot>active</Badge>;
}
