// Days of a team, a user, an organisation or a customer, in the shape that charts have them.

import { get, type Row } from "./api";
import type { Group, Numbers, Range, Usage } from "./usage";

interface Page {
  results: { date: string; metrics: Row }[];
  metadata: Row;
}

/** Asks one of LiteLLM's pages of days, all of a range at once. */
export function daily(path: string, params: Record<string, string>) {
  return async (range: Range, signal: AbortSignal): Promise<Usage> => {
    const page = await get<Page>(`${path}/aggregated`, { start_date: range.from, end_date: range.to, breakdown: "none", ...params }, signal);
    const results = page.results.map((one): Group => ({ day: one.date, ...numbers(one.metrics) }));
    return { results, total: total(results) };
  };
}

function numbers(of: Row): Numbers {
  const requests = of.api_requests ?? 0;
  return {
    requests,
    errors: of.failed_requests ?? 0,
    prompt_tokens: of.prompt_tokens ?? 0,
    completion_tokens: of.completion_tokens ?? 0,
    total_tokens: of.total_tokens ?? 0,
    cache_read_tokens: of.cache_read_input_tokens ?? 0,
    cache_write_tokens: of.cache_creation_input_tokens ?? 0,
    reasoning_tokens: 0,
    cost: Number(of.spend ?? 0),
    average_latency_ms: requests ? (of.total_response_time_ms ?? 0) / requests : null,
    average_time_to_first_token_ms: null,
  };
}

function total(all: Group[]): Numbers {
  const sum = (pick: (one: Group) => number) => all.reduce((sum, one) => sum + pick(one), 0);
  return {
    requests: sum((one) => one.requests),
    errors: sum((one) => one.errors),
    prompt_tokens: sum((one) => one.prompt_tokens),
    completion_tokens: sum((one) => one.completion_tokens),
    total_tokens: sum((one) => one.total_tokens),
    cache_read_tokens: sum((one) => one.cache_read_tokens),
    cache_write_tokens: sum((one) => one.cache_write_tokens),
    reasoning_tokens: 0,
    cost: sum((one) => one.cost),
    average_latency_ms: null,
    average_time_to_first_token_ms: null,
  };
}
