// What was used: sums by day, which the gateway keeps, so that asking costs the same however many calls there were.

import { get } from "./api";
import { daysAgo, daysBetween } from "./format";

export interface Numbers {
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  cost: number;
  average_latency_ms: number | null;
  average_time_to_first_token_ms: number | null;
}

export type Group = Numbers & Record<string, any>;

export interface Usage {
  results: Group[];
  total: Numbers;
}

export interface Range {
  from: string;
  to: string;
}

/** The last days, today among them. */
export function lastDays(days: number): Range {
  return { from: daysAgo(days - 1), to: daysAgo(0) };
}

export function usage(by: string, range: Range, more: Record<string, string | number | undefined> = {}, signal?: AbortSignal): Promise<Usage> {
  return get("/usage", { group_by: by, from: range.from, to: range.to, ...more }, signal);
}

export interface Days {
  /** Seconds since 1970, one for each day. */
  times: number[];
  of: (pick: (numbers: Group) => number | null) => (number | null)[];
}

/** Each day of a range; those without calls as well. */
export function byDay(found: Group[] | undefined, range: Range): Days {
  const days = daysBetween(range.from, range.to);
  const known = new Map((found ?? []).map((one) => [one.day as string, one]));
  return {
    times: days.map((day) => Date.parse(day) / 1_000),
    of: (pick) => days.map((day) => (known.has(day) ? pick(known.get(day)!) : pick(NOTHING))),
  };
}

const NOTHING: Group = {
  requests: 0,
  errors: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  cost: 0,
  average_latency_ms: null,
  average_time_to_first_token_ms: null,
};

/** Milliseconds for each token of an answer. */
export function perToken(numbers: Numbers): number | null {
  if (numbers.average_latency_ms === null || !numbers.completion_tokens) return null;
  return (numbers.average_latency_ms * numbers.requests) / numbers.completion_tokens;
}

/** A moment of the last hours, as the gateway remembers it. */
export interface Moment {
  at: number;
  requests: number;
  failures: number;
  tokens: number;
  cost: number;
  in_flight: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  first_token_p50_ms: number | null;
  first_token_p95_ms: number | null;
  cache_hits: number;
  cache_misses: number;
}

export interface Recent {
  in_flight: number;
  interval_seconds: number;
  moments: Moment[];
}

export function recent(signal?: AbortSignal): Promise<Recent> {
  return get("/v1/activity/recent", {}, signal);
}
