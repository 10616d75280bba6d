// One key: what it may, what it used, and what can be done with it.

import { useState } from "preact/hooks";
import { get, post, type Row } from "../../lib/api";
import { ago, date, time } from "../../lib/format";
import { named, useTeams } from "../../lib/lists";
import { told, useLoad } from "../../lib/load";
import { go, href } from "../../lib/route";
import { useWho } from "../../lib/who";
import { Badge, Button, Card, Copy, Facts, Head, Names, Problem, Skeleton } from "../../parts/basics";
import { Confirm, FormDialog } from "../../parts/dialog";
import { Select } from "../../parts/form";
import { SpendChart, keyUsage } from "../../parts/spend-chart";
import { limits, SpentCard } from "../../parts/terms";
import { toast } from "../../parts/toast";
import { Calls } from "../logs/calls";
import { KeyState } from "../keys";
import { KeyForm, NewKey } from "./form";

type Deed = "edit" | "rotate" | "delete";

export function OneKey({ hash }: { hash: string }) {
  const { makes } = useWho();
  const found = useLoad(async (signal) => {
    const { info } = await get<{ info: Row }>("/key/info", { key: hash }, signal);
    return { ...info, token: hash } as Row;
  }, [hash]);
  const teams = useTeams();
  const [deed, setDeed] = useState<Deed>();
  const [made, setMade] = useState<Row>();
  const key = found.data;
  const back = { to: href("keys"), name: "Keys" };
  if (!key) return <><Head title="Key" back={back} />{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const close = () => setDeed(undefined);
  const block = async () => {
    try {
      await post(key.blocked ? "/key/unblock" : "/key/block", { key: hash });
      toast(key.blocked ? "The key works again" : "The key is blocked from the next call on");
      found.reload();
    } catch (error) {
      toast(told(error), "bad");
    }
  };
  return (
    <>
      <Head
        back={back}
        title={<>{key.key_alias || key.key_name} <KeyState of={key} /></>}
        about={<span class="mono">{key.key_name}</span>}
      >
        {makes && (
          <>
            <Button icon="edit" onClick={() => setDeed("edit")}>Edit</Button>
            <Button icon="rotate" onClick={() => setDeed("rotate")}>Rotate</Button>
            <Button icon="block" onClick={block}>{key.blocked ? "Unblock" : "Block"}</Button>
            <Button look="danger" icon="trash" onClick={() => setDeed("delete")}>Delete</Button>
          </>
        )}
      </Head>
      <div class="halves">
        <Card title="Budget and limits">
          <SpentCard row={key} />
          <Facts
            of={[
              ["Models", <Names of={key.models} />],
              ["Limits", limits(key)],
              ["Guardrails", key.metadata?.guardrails?.join(", ") ?? "those of the gateway"],
            ]}
          />
        </Card>
        <Card title="Key">
          <Facts
            of={[
              ["Team", key.team_id ? <a href={href(`teams/${encodeURIComponent(key.team_id)}`)}>{named(teams, key.team_id)}</a> : "none"],
              ["User", key.user_id ?? "none"],
              ["Expires", key.expires ? `${date(key.expires)} (${ago(key.expires)})` : "never"],
              ["Made", `${time(key.created_at)} by ${key.created_by === "default_user_id" ? "the master key" : (key.created_by ?? "somebody")}`],
              ["Hash", <span class="row tight"><code class="cut">{hash}</code><Copy text={hash} /></span>],
              ...(key.rotation_count > 0 ? ([["Rotated", <Badge>{key.rotation_count} times</Badge>]] as [string, any][]) : []),
            ]}
          />
        </Card>
      </div>
      <SpendChart ask={keyUsage(hash)} deps={[hash]} />
      <Calls title="Latest calls" filter={{ api_key: hash }} size={10} more={`logs?key=${hash}`} />
      {deed === "edit" && <KeyForm old={key} onClose={close} onDone={() => { close(); toast("Saved: it holds from the next call on"); found.reload(); }} />}
      {deed === "rotate" && <Rotate hash={hash} onClose={close} onDone={(key) => { close(); setMade(key); }} />}
      {deed === "delete" && (
        <Confirm title={`Delete ${key.key_alias || key.key_name}?`} action="Delete the key" onClose={close} run={async () => {
          await post("/key/delete", { keys: [hash] });
          toast("The key is gone");
          go("keys", true);
        }}>
          <p>Programs that show it are refused from the next call on. What it spent stays in the sums and the logs. This cannot be undone.</p>
        </Confirm>
      )}
      {made && <NewKey made={made} onClose={() => { setMade(undefined); go(`keys/${made.token ?? made.token_id}`, true); }} />}
    </>
  );
}

/** Another secret for the same key. */
function Rotate({ hash, onClose, onDone }: { hash: string; onClose: () => void; onDone: (key: Row) => void }) {
  const [grace, setGrace] = useState("");
  const save = async () => onDone(await post(`/key/${hash}/regenerate`, grace ? { grace_period: grace } : {}));
  return (
    <FormDialog title="Give it another secret" action="Rotate" onClose={onClose} save={save}>
      <p class="prose">Name, terms and what was spent stay. The new secret is shown once.</p>
      <Select label="The old one is good" value={grace} onChange={setGrace} options={[["", "no longer"], ["1h", "for an hour"], ["1d", "for a day"], ["7d", "for 7 days"]]} hint="Both spend from the same budget meanwhile." />
    </FormDialog>
  );
}
