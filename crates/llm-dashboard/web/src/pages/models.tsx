// Models: what is served, how each deployment does, and what is added beside the configuration's.

import { useMemo, useState } from "preact/hooks";
import { get, type Row } from "../lib/api";
import { millis, money, number, percent } from "../lib/format";
import { useLoad } from "../lib/load";
import { href } from "../lib/route";
import { lastDays, usage } from "../lib/usage";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Empty, Head, Problem } from "../parts/basics";
import { Search } from "../parts/form";
import { Table } from "../parts/table";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { DeploymentForm } from "./models/form";
import { OneModel } from "./models/one";
import { Health, joined, type Deployment } from "./models/deployment";

export function Models({ rest }: PageProps) {
  return rest ? <OneModel name={rest} /> : <List />;
}

interface Group {
  name: string;
  of: Deployment[];
}

function List() {
  const { isAdmin, seesAll } = useWho();
  const [search, setSearch] = useState("");
  const [making, setMaking] = useState(false);
  const range = useMemo(() => lastDays(30), []);
  const models = useLoad((signal) => get<{ data: Row[] }>("/model/info", {}, signal), []);
  const status = useLoad((signal) => (seesAll ? get<{ providers: Row[] }>("/v1/providers/status", {}, signal) : Promise.resolve({ providers: [] })), [], 15_000);
  const used = useLoad((signal) => usage("model", range, { limit: 1_000 }, signal), []);
  const groups = useMemo(() => grouped(joined(models.data?.data ?? [], status.data?.providers ?? [])), [models.data, status.data]);
  const shown = groups.filter((group) => group.name.toLowerCase().includes(search.toLowerCase()));
  const of = (name: string) => used.data?.results.find((one) => one.model === name);
  return (
    <>
      <Head title="Models" about="A model is a name that programs ask for. Behind it stand one or several deployments that share the calls.">
        {isAdmin && <Button look="primary" icon="plus" onClick={() => setMaking(true)}>Add a deployment</Button>}
      </Head>
      <div class="filters"><Search label="Search by name" value={search} onChange={setSearch} /></div>
      {models.error && <Problem onRetry={models.reload}>{models.error}</Problem>}
      <Card flush>
        <Table<Group>
          label="Models"
          rows={models.data ? shown : undefined}
          id={(group) => group.name}
          to={(group) => href(`models/${encodeURIComponent(group.name)}`)}
          columns={[
            { name: "Model", cell: (group) => <span class="two-lines"><b>{group.name}</b><small>{[...new Set(group.of.map((one) => one.vendor))].join(", ")}</small></span> },
            { name: "Deployments", cell: (group) => <Health of={group.of} /> },
            { name: "Price of a million in / out", cell: (group) => <Price of={group.of[0]} />, wide: true },
            { name: "Calls", right: true, cell: (group) => number(of(group.name)?.requests ?? 0), wide: true },
            { name: "Errors", right: true, cell: (group) => { const one = of(group.name); return one?.errors ? <Badge tone={one.errors / one.requests > 0.05 ? "bad" : "dull"}>{percent(one.errors, one.requests)}</Badge> : <span class="dim">0%</span>; }, wide: true },
            { name: "Latency", right: true, cell: (group) => millis(of(group.name)?.average_latency_ms), wide: true },
            { name: "Spend, 30 days", right: true, cell: (group) => money(of(group.name)?.cost ?? 0) },
          ]}
          empty={<Empty icon="models" title={search ? "No model matches" : "No models yet"}>{search ? "Search for a part of the name." : "Add a deployment here, or in model_list of the configuration."}</Empty>}
        />
      </Card>
      {making && <DeploymentForm onClose={() => setMaking(false)} onDone={() => { setMaking(false); toast("The deployment is served"); models.reload(); status.reload(); }} />}
    </>
  );
}

function Price({ of }: { of: Deployment | undefined }) {
  const { input_cost_per_token: input, output_cost_per_token: output } = of?.info ?? {};
  if (input === undefined || input === null) return <span class="dim">unknown</span>;
  return <span>{money(input * 1e6)} / {money((output ?? 0) * 1e6)}</span>;
}

function grouped(all: Deployment[]): Group[] {
  const groups = new Map<string, Deployment[]>();
  for (const one of all) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  return [...groups].map(([name, of]) => ({ name, of }));
}
