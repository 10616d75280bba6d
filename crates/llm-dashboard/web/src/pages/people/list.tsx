// A list with a search, and a button that makes one more: users, organisations, customers and budgets have it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useLoad, useRested } from "../../lib/load";
import { Button, Card, Empty, Head, Problem } from "../../parts/basics";
import { Search } from "../../parts/form";
import type { IconName } from "../../parts/icon";
import { Pages, Table, type Column, type Sorting } from "../../parts/table";

export interface Found<T> {
  rows: T[];
  total: number;
  pages: number;
}

export interface Asking {
  search: string;
  page: number;
  sorting: Sorting;
}

interface ListProps<T> {
  title: string;
  about: string;
  icon: IconName;
  what: string;
  one: string;
  search?: string;
  ask: (asking: Asking, signal: AbortSignal) => Promise<Found<T>>;
  columns: Column<T>[];
  id: (row: T) => string;
  to?: (row: T) => string;
  onRow?: (row: T) => void;
  sort: Sorting;
  /** Makes the form for a new one. */
  form?: (close: () => void, again: () => void) => ComponentChildren;
  empty: string;
  filters?: ComponentChildren;
  deps?: unknown[];
}

export function People<T>(props: ListProps<T>) {
  const { title, about, icon, what, one, search: searches, ask, columns, id, to, onRow, sort, form, empty, filters, deps = [] } = props;
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
  const [sorting, setSorting] = useState(sort);
  const [making, setMaking] = useState(false);
  const rested = useRested(search);
  const found = useLoad((signal) => ask({ search: rested, page, sorting }, signal), [rested, page, sorting, ...deps]);
  const make = form && (
    <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
      New {one}
    </Button>
  );
  const sorts = columns.some((column) => column.sort);
  return (
    <>
      <Head title={title} about={about}>{make}</Head>
      {(searches || filters) && (
        <div class="filters">
          {searches && <Search label={searches} value={search} onChange={(to) => { setSearch(to); setPage(1); }} />}
          {filters}
        </div>
      )}
      {found.error && <Problem onRetry={found.reload}>{found.error}</Problem>}
      <Card flush>
        <Table
          label={title}
          columns={columns}
          rows={found.data?.rows}
          loading={found.loading}
          id={id}
          {...(to ? { to } : {})}
          {...(onRow ? { onRow } : {})}
          sorting={sorting}
          {...(sorts ? { onSort: (to: Sorting) => { setSorting(to); setPage(1); } } : {})}
          empty={rested ? <Empty icon="search" title="Nothing matches">Search for a part of the name or the id.</Empty> : <Empty icon={icon} title={`No ${what} yet`} action={make}>{empty}</Empty>}
        />
      </Card>
      <Pages page={page} pages={found.data?.pages ?? 1} total={found.data?.total ?? 0} onPage={setPage} what={what} />
      {making && form?.(() => setMaking(false), () => { setMaking(false); found.reload(); })}
    </>
  );
}
