// What keys, teams, users and the rest may do and spend: the same fields everywhere.

import type { Row } from "../lib/api";
import { ago, money, number } from "../lib/format";
import { BudgetBar } from "./basics";
import { Input, PERIODS, Select, Several, typed } from "./form";

export interface Terms {
  models: string[];
  max_budget: string;
  budget_duration: string;
  rpm_limit: string;
  tpm_limit: string;
  max_parallel_requests: string;
}

export function termsOf(row: Row | undefined): Terms {
  const text = (value: unknown) => (value === null || value === undefined ? "" : String(value));
  return {
    models: row?.models ?? [],
    max_budget: text(row?.max_budget),
    budget_duration: text(row?.budget_duration),
    rpm_limit: text(row?.rpm_limit),
    tpm_limit: text(row?.tpm_limit),
    max_parallel_requests: text(row?.max_parallel_requests),
  };
}

/** As the gateway reads them. For something new what is empty is left out; for a change it is taken away. */
export function termsBody(terms: Terms, isNew: boolean): Row {
  const body: Row = {
    models: terms.models,
    max_budget: typed(terms.max_budget),
    budget_duration: terms.budget_duration || null,
    rpm_limit: typed(terms.rpm_limit),
    tpm_limit: typed(terms.tpm_limit),
    max_parallel_requests: typed(terms.max_parallel_requests),
  };
  if (!isNew) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)));
}

export function TermsFields({ terms, onChange, models, withoutModels }: { terms: Terms; onChange: (to: Terms) => void; models: string[]; withoutModels?: boolean }) {
  const set = <K extends keyof Terms>(name: K) => (value: Terms[K]) => onChange({ ...terms, [name]: value });
  const periods: [string, string][] = PERIODS.some(([name]) => name === terms.budget_duration) ? PERIODS : [...PERIODS, [terms.budget_duration, terms.budget_duration]];
  return (
    <>
      {!withoutModels && <Several label="Models" value={terms.models} onChange={set("models")} known={models} placeholder="all models" hint="Names, patterns such as openai/*, or access groups. None: whatever those behind it may use." />}
      <div class="field-row">
        <Input label="Budget" type="number" min="0" step="any" unit="$" value={terms.max_budget} onChange={set("max_budget")} placeholder="none" />
        <Select label="In each" value={terms.budget_duration} onChange={set("budget_duration")} options={periods} />
      </div>
      <div class="field-row">
        <Input label="Requests a minute" type="number" min="0" value={terms.rpm_limit} onChange={set("rpm_limit")} placeholder="no limit" />
        <Input label="Tokens a minute" type="number" min="0" value={terms.tpm_limit} onChange={set("tpm_limit")} placeholder="no limit" />
        <Input label="At a time" type="number" min="0" value={terms.max_parallel_requests} onChange={set("max_parallel_requests")} placeholder="no limit" />
      </div>
    </>
  );
}

/** What was spent, in a list: with a bar where there is a budget. */
export function Spent({ row }: { row: Row }) {
  return (
    <span class="spent">
      <span>
        {money(row.spend)}
        {row.max_budget !== null && row.max_budget !== undefined && <span class="dim"> of {money(row.max_budget)}</span>}
      </span>
      <BudgetBar compact spent={Number(row.spend)} of={row.max_budget} />
    </span>
  );
}

/** What was spent, at the head of a page. */
export function SpentCard({ row }: { row: Row }) {
  const left = row.max_budget === null || row.max_budget === undefined ? null : Number(row.max_budget) - Number(row.spend);
  return (
    <div class="spent-card">
      <div>
        <b class="big">{money(row.spend)}</b>
        <span class="dim">{left === null ? " spent, no budget" : ` of ${money(row.max_budget)}${row.budget_duration ? ` in ${row.budget_duration}` : ""}`}</span>
      </div>
      <BudgetBar spent={Number(row.spend)} of={row.max_budget} />
      <p class="dim">
        {left !== null && (left > 0 ? `${money(left)} left. ` : "Nothing left: calls are refused. ")}
        {row.budget_reset_at && `Begins anew ${ago(row.budget_reset_at)}. `}
        {row.total_spend !== undefined && row.total_spend !== row.spend && `${money(row.total_spend)} since it was made.`}
      </p>
    </div>
  );
}

export function limits(row: Row): string {
  const all = [
    row.rpm_limit !== null && row.rpm_limit !== undefined && `${number(row.rpm_limit)} requests/min`,
    row.tpm_limit !== null && row.tpm_limit !== undefined && `${number(row.tpm_limit)} tokens/min`,
    row.max_parallel_requests !== null && row.max_parallel_requests !== undefined && `${number(row.max_parallel_requests)} at a time`,
  ];
  return all.filter(Boolean).join(", ") || "no limits";
}
