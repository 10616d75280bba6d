// A list of calls, as the logs and the pages of keys and models have it.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, type Params, type Row } from "../../lib/api";
import { millis, money, number, shorten, time } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { href } from "../../lib/route";
import { Badge, Card, Empty, Problem } from "../../parts/basics";
import { Pages, Table, type Column, type Sorting } from "../../parts/table";

interface CallsProps {
  title?: string;
  filter: Params;
  size: number;
  /** The page with all of them. */
  more?: string;
  every?: number;
  empty?: ComponentChildren;
}

export function Calls({ title, filter, size, more, every, empty }: CallsProps) {
  const [page, setPage] = useState(1);
  const [sorting, setSorting] = useState<Sorting>({ by: "startTime", down: true });
  const asked = JSON.stringify(filter);
  useEffect(() => setPage(1), [asked]);
  const found = useLoad(
    (signal) => get<{ data: Row[]; total: number; total_pages: number; total_is_exact: boolean }>("/spend/logs/v2", { ...filter, page, page_size: size, sort_by: sorting.by, sort_order: sorting.down ? "desc" : "asc" }, signal),
    [asked, page, sorting],
    page === 1 ? every : undefined,
  );
  const total = found.data?.total ?? 0;
  return (
    <>
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush title={title} aside={more && total > size && <a href={href(more)}>All calls</a>}>
        <Table
          label="Calls"
          columns={COLUMNS}
          rows={found.data?.data}
          loading={found.loading && page > 1}
          id={(call) => call.litellm_call_id}
          to={(call) => href(`logs/${encodeURIComponent(call.litellm_call_id)}`)}
          sorting={sorting}
          onSort={more ? undefined : (to) => { setSorting(to); setPage(1); }}
          empty={<Empty icon="logs" title="No calls">{empty ?? "Nothing was asked in this time."}</Empty>}
        />
      </Card>
      {!more && <Pages page={page} pages={found.data?.total_pages ?? 1} total={total} onPage={setPage} what="calls" isMore={found.data?.total_is_exact === false} />}
    </>
  );
}

/** Sorted by time alone, in which the ledger has an index: other orders would read all calls of the time. */
const COLUMNS: Column<Row>[] = [
  { name: "Time", sort: "startTime", cell: (call) => <Moment at={call.startTime} /> },
  { name: "Outcome", unseen: true, cell: (call) => <Outcome of={call} /> },
  { name: "Model", cell: (call) => <span class="two-lines"><b>{call.model_group || call.metadata.requested_model || call.model}</b><small>{call.custom_llm_provider}</small></span> },
  { name: "Who", cell: (call) => who(call), wide: true },
  { name: "Tokens", right: true, cell: (call) => <span title={`${number(call.prompt_tokens)} of the prompt, ${number(call.completion_tokens)} of the answer`}>{number(call.total_tokens)}</span>, wide: true },
  { name: "First token", right: true, cell: (call) => millis(firstToken(call)), wide: true },
  { name: "Took", right: true, cell: (call) => millis(call.request_duration_ms), wide: true },
  { name: "Cost", right: true, cell: (call) => money(call.spend) },
];

export function Moment({ at }: { at: string }) {
  const [day, clock] = time(at).split(", ");
  return (
    <span class="two-lines nowrap">
      <span>{clock}</span>
      <small>{day}</small>
    </span>
  );
}

function who(call: Row): ComponentChildren {
  const { user_api_key_alias: alias, user_api_key_team_alias: team } = call.metadata;
  if (!call.api_key) return <span class="dim">master key</span>;
  return (
    <span class="two-lines">
      <span>{alias ?? shorten(call.api_key)}</span>
      {(team || call.user) && <small>{team ?? call.user}</small>}
    </span>
  );
}

export function Outcome({ of }: { of: Row }) {
  if (of.status === "failure") return <Badge tone="bad" title={of.metadata.error_information?.error_class}>{of.metadata.status}</Badge>;
  if (of.cache_hit === "True") return <Badge tone="info" title="from the cache of answers">kept</Badge>;
  if (of.metadata.attempted_retries > 0 || of.metadata.attempted_fallbacks > 0) return <Badge tone="warn" title="answered after another attempt">{of.metadata.status}</Badge>;
  return <Badge tone="good">{of.metadata.status}</Badge>;
}

export function firstToken(call: Row): number | null {
  if (!call.completionStartTime) return null;
  return Math.min(Number(call.request_duration_ms), Date.parse(call.completionStartTime) - Date.parse(call.startTime));
}
