// What somebody used over days: one chart of money and one of calls.

import { useMemo } from "preact/hooks";
import { money, short } from "../lib/format";
import { useLoad } from "../lib/load";
import { byDay, lastDays, usage, type Usage } from "../lib/usage";
import { Card, Problem } from "./basics";
import { Chart } from "./chart";

export function SpendChart({ ask, deps }: { ask: (range: { from: string; to: string }, signal: AbortSignal) => Promise<Usage>; deps: unknown[] }) {
  const range = useMemo(() => lastDays(30), []);
  const { data, error, reload } = useLoad((signal) => ask(range, signal), deps);
  const days = useMemo(() => byDay(data?.results, range), [data]);
  const spend = useMemo(() => [{ label: "spend", values: days.of((one) => one.cost), colour: "accent", kind: "bars" as const }], [days]);
  const calls = useMemo(() => [
    { label: "answered", values: days.of((one) => one.requests - one.errors), colour: "c2", kind: "bars" as const },
    { label: "failed", values: days.of((one) => one.errors), colour: "bad", kind: "bars" as const },
  ], [days]);
  if (error) return <Problem onRetry={reload}>{error}</Problem>;
  return (
    <div class="halves">
      <Card title="Spend, 30 days" aside={<b>{money(data?.total.cost ?? 0)}</b>}><Chart label="Spend" times={days.times} lines={spend} format={money} days height={150} /></Card>
      <Card title="Calls, 30 days" aside={<b>{short(data?.total.requests ?? 0)}</b>}><Chart label="Calls" times={days.times} lines={calls} format={short} days stacked height={150} /></Card>
    </div>
  );
}

export function keyUsage(hash: string) {
  return (range: { from: string; to: string }, signal: AbortSignal) => usage("day", range, { key: hash }, signal);
}
