// Who is told of calls: those of the configuration, and those that are kept in the database.

import { useState } from "preact/hooks";
import { call, get, type Row } from "../../lib/api";
import { number } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { useWho } from "../../lib/who";
import { Badge, Button, Card, Problem } from "../../parts/basics";
import { Confirm } from "../../parts/dialog";
import { Table } from "../../parts/table";
import { toast } from "../../parts/toast";
import { CallbackForm } from "./form";
import { CALLS } from "./kinds";

type Deed = { kind: "new" } | { kind: "edit" | "delete"; row: Row };

const path = (row: Row) => `/callbacks/${encodeURIComponent(row.name)}`;

export function Callbacks() {
  const { isAdmin } = useWho();
  const found = useLoad((signal) => get<{ callbacks: Row[] }>("/get/config/callbacks", {}, signal), [], 15_000);
  const [deed, setDeed] = useState<Deed>();
  const again = (what: string) => { setDeed(undefined); toast(what); found.reload(); };
  const open = (row: Row) => (row.source === "db" ? setDeed({ kind: "edit", row }) : toast(row.source === "config" ? "This one is the configuration's: it is changed there" : "This one is of a key or a team, or the gateway's own"));
  const end = async (row: Row) => { await call("DELETE", path(row)); again("It is told of no more calls"); };
  return (
    <Card flush title="Who is told of calls" aside={isAdmin && <Button small icon="plus" onClick={() => setDeed({ kind: "new" })}>New callback</Button>}>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Table
        label="Callbacks"
        rows={found.data?.callbacks}
        id={(one) => one.name}
        {...(isAdmin ? { onRow: open } : {})}
        columns={[
          { name: "Callback", cell: (one) => <span class="two-lines"><b>{one.name}</b>{one.problem ? <small class="bad">{one.problem}</small> : <small>{one.kind ?? "of a key or a team, or the gateway's own"}</small>}</span> },
          { name: "Told of", cell: (one) => CALLS.find(([name]) => name === one.type)?.[1] ?? one.type, wide: true },
          { name: "Arrived", right: true, cell: (one) => number(one.arrived ?? 0) },
          { name: "Failed", right: true, cell: (one) => number(one.failed ?? 0) },
          { name: "Dropped", right: true, wide: true, cell: (one) => number(one.dropped ?? 0) },
          { name: "Where it is kept", unseen: true, wide: true, cell: (one) => one.source && <Badge tone={one.source === "db" ? "info" : "dull"}>{one.source === "db" ? "database" : "configuration"}</Badge> },
          { name: "What can be done", unseen: true, right: true, cell: (one) => isAdmin && one.source === "db" && <Button look="quiet" small icon="trash" label={`End ${one.name}`} onClick={(event) => { event.stopPropagation(); setDeed({ kind: "delete", row: one }); }} /> },
        ]}
        empty={<p class="nothing in-card">Nobody. Add one here, or in <code>litellm_settings.callbacks</code> of the configuration.</p>}
      />
      {deed && deed.kind !== "delete" && <CallbackForm {...(deed.kind === "edit" ? { old: deed.row } : {})} onClose={() => setDeed(undefined)} onDone={() => again(deed.kind === "new" ? "It is told of calls from now on" : "It holds from now on")} />}
      {deed?.kind === "delete" && (
        <Confirm title={`End ${deed.row.name}?`} action="End the callback" onClose={() => setDeed(undefined)} run={() => end(deed.row)}>
          <p>It is told of no more calls. What waits for it now is still sent.</p>
        </Confirm>
      )}
    </Card>
  );
}
