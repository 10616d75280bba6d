// Tables: sorted by the gateway where they are long, and rows that lead somewhere.

import type { ComponentChildren } from "preact";
import { BASE } from "../lib/api";
import { go } from "../lib/route";
import { number } from "../lib/format";
import { Button, Skeleton } from "./basics";
import { Icon } from "./icon";

export interface Column<T> {
  name: string;
  /** What the gateway sorts it by; without it the column is not sorted. */
  sort?: string;
  cell: (row: T) => ComponentChildren;
  /** Numbers stand at the right. */
  right?: boolean;
  /** Its name is for screen readers: what it holds speaks for itself. */
  unseen?: boolean;
  /** Left out where there is little room. */
  wide?: boolean;
}

export interface Sorting {
  by: string;
  down: boolean;
}

interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  id: (row: T) => string;
  to?: (row: T) => string;
  onRow?: (row: T) => void;
  sorting?: Sorting;
  onSort?: (to: Sorting) => void;
  empty?: ComponentChildren;
  loading?: boolean;
}

export function Table<T>({ label, columns, rows, id, to, onRow, sorting, onSort, empty, loading }: TableProps<T>) {
  if (!rows) return <Skeleton rows={6} />;
  if (rows.length === 0) return <>{empty ?? <p class="nothing">Nothing here.</p>}</>;
  const leads = to !== undefined || onRow !== undefined;
  const open = (row: T) => (to ? go(to(row).slice(BASE.length)) : onRow?.(row));
  return (
    <div class={`table${loading ? " stale" : ""}`} tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={id(row)}
              class={leads ? "leads" : undefined}
              onClick={leads ? (event) => !(event.target as Element).closest("a,button") && !getSelection()?.toString() && open(row) : undefined}
            >
              {columns.map((column, at) => (
                <td key={column.name} class={classes(column)}>
                  {at === 0 && leads ? <Lead row={row} to={to} open={open}>{column.cell(row)}</Lead> : column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Lead<T>({ row, to, open, children }: { row: T; to: ((row: T) => string) | undefined; open: (row: T) => void; children: ComponentChildren }) {
  if (to) return <a class="lead" href={to(row)}>{children}</a>;
  return (
    <button type="button" class="lead" onClick={() => open(row)}>
      {children}
    </button>
  );
}

function Heading<T>({ column, sorting, onSort }: { column: Column<T>; sorting?: Sorting | undefined; onSort?: ((to: Sorting) => void) | undefined }) {
  const { name, sort } = column;
  const is = sort !== undefined && sorting?.by === sort;
  if (!sort || !onSort) return <th class={classes(column)} scope="col">{column.unseen ? <span class="unseen">{name}</span> : name}</th>;
  return (
    <th class={classes(column)} scope="col" aria-sort={is ? (sorting.down ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onSort({ by: sort, down: is ? !sorting.down : true })}>
        {name}
        {is && <Icon name={sorting.down ? "down" : "up"} size={10} />}
      </button>
    </th>
  );
}

function classes<T>(column: Column<T>): string | undefined {
  return [column.right && "right", column.wide && "wide-only"].filter(Boolean).join(" ") || undefined;
}

export function Pages({ page, pages, total, onPage, what, isMore }: { page: number; pages: number; total: number; onPage: (to: number) => void; what: string; isMore?: boolean | undefined }) {
  if (total === 0) return null;
  const count = isMore ? `more than ${number(total - 1)}` : number(total);
  return (
    <nav class="pages" aria-label={`Pages of ${what}`}>
      <span class="dim">
        {count} {total === 1 ? what.replace(/s$/, "") : what}
      </span>
      {pages > 1 && (
        <span class="pages-turn">
          <Button look="quiet" small icon="left" label="Previous page" disabled={page <= 1} onClick={() => onPage(page - 1)} />
          <span>
            {page} <span class="dim">of {number(pages)}</span>
          </span>
          <Button look="quiet" small icon="right" label="Next page" disabled={page >= pages} onClick={() => onPage(page + 1)} />
        </span>
      )}
    </nav>
  );
}
