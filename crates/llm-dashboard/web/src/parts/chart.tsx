// Charts over time: uPlot draws them, and a tip says what stands at the place that is pointed at.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { colour, onTheme } from "../lib/theme";

export interface Line {
  label: string;
  values: (number | null)[];
  /** A colour of the styles. */
  colour: string;
  kind?: "line" | "area" | "bars";
}

interface ChartProps {
  label: string;
  /** Seconds since 1970. */
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  height?: number;
  /** Days, and not moments. */
  days?: boolean;
  /** Lines are parts of a whole: drawn on top of each other. */
  stacked?: boolean;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function dayName(time: number): string {
  const date = new Date(time * 1_000);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

function clock(time: number): string {
  return new Date(time * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

interface Tip {
  left: number;
  top: number;
  at: number;
}

export function Chart({ label, times, lines, format, height = 190, days, stacked }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [tip, setTip] = useState<Tip>();
  const [turn, setTurn] = useState(0);
  useEffect(() => onTheme(() => setTurn((turn) => turn + 1)), []);
  const told = useRef(setTip);
  told.current = setTip;
  useEffect(() => {
    const element = place.current;
    if (!element || times.length === 0) return;
    const plot = draw(element, { times, lines, format, height, days: !!days, stacked: !!stacked }, (tip) => told.current(tip));
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [times, lines, height, turn]);
  const name = days ? dayName : clock;
  const all = lines.length > 1 && stacked;
  const told_at = (line: Line) => (tip ? (line.values[tip.at] ?? null) : null);
  return (
    <div class="chart" aria-label={`${label}: ${summary(lines, format)}`} role="img">
      <div ref={place} class="plot" style={{ height: `${height}px` }} onMouseLeave={() => setTip(undefined)} />
      {tip && (
        <div class="tip" style={{ left: `${tip.left}px`, top: `${tip.top}px` }}>
          <b>{name(times[tip.at] ?? 0)}</b>
          {lines.map((line) => {
            const value = told_at(line);
            if (all && !value) return null;
            return (
              <span key={line.label}>
                <i style={{ background: `var(--${line.colour})` }} />
                {line.label}
                <em>{value === null ? "–" : format(value)}</em>
              </span>
            );
          })}
          {all && (
            <span class="tip-all">
              Total<em>{format(lines.reduce((sum, line) => sum + (told_at(line) ?? 0), 0))}</em>
            </span>
          )}
        </div>
      )}
      {lines.length > 1 && (
        <div class="legend">
          {lines.map((line) => (
            <span key={line.label}>
              <i style={{ background: `var(--${line.colour})` }} />
              {line.label}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

function summary(lines: Line[], format: (value: number) => string): string {
  return lines
    .map((line) => {
      const values = line.values.filter((value): value is number => value !== null);
      return `${line.label} up to ${values.length ? format(Math.max(...values)) : "nothing"}`;
    })
    .join(", ");
}

interface Drawn {
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  height: number;
  days: boolean;
  stacked: boolean;
}

function draw(element: HTMLElement, drawn: Drawn, told: (tip: Tip | undefined) => void): uPlot {
  const { times, lines, format, height, days, stacked } = drawn;
  const rows = stacked ? sums(lines) : lines.map((line) => line.values);
  const steps = stepsOf(rows.flat().map((value) => value ?? 0), height);
  const axis = { stroke: colour("ink-3"), font: "11px ui-sans-serif, system-ui, sans-serif", ticks: { show: false } };
  const options: uPlot.Options = {
    width: element.clientWidth || 300,
    height,
    padding: [6, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7, width: 2 }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: (_plot, low, high) => (days && lines.some((line) => line.kind === "bars") ? [low - 43_200, high + 43_200] : [low, high]) }, y: { range: [0, steps.at(-1) ?? 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 6, space: 64, incrs: days ? [86_400, 172_800, 604_800, 1_209_600, 2_592_000] : [60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400], values: (_plot, splits) => splits.map((at) => (days ? dayName(at) : clock(at))) },
      { ...axis, grid: { stroke: colour("line"), width: 1 }, gap: 8, splits: () => steps, size: (_plot, values) => Math.max(34, ...(values ?? []).map((value) => value.length * 6.4 + 12)), values: (_plot, splits) => splits.map((at) => format(at)) },
    ],
    // What is summed up goes behind what it is made of.
    series: [{}, ...lines.map((line) => series(line))],
    hooks: {
      setCursor: [
        (plot) => {
          const { idx, left, top } = plot.cursor;
          if (idx === null || idx === undefined || left === undefined || left < 0) return told(undefined);
          const x = plot.valToPos(times[idx] ?? 0, "x") + plot.over.offsetLeft;
          const narrow = x > element.clientWidth - 170;
          told({ left: narrow ? x - 172 : x + 12, top: Math.max(0, Math.min(top ?? 0, height - 100)), at: idx });
        },
      ],
    },
  };
  const order = stacked ? [...rows.keys()].reverse() : [...rows.keys()];
  if (stacked) options.series = [{}, ...order.map((at) => series(lines[at]!))];
  return new uPlot(options, [times, ...order.map((at) => rows[at]!)] as uPlot.AlignedData, element);
}

/** Each line with those before it. */
function sums(lines: Line[]): (number | null)[][] {
  const all: number[] = [];
  return lines.map((line) => line.values.map((value, at) => (all[at] = (all[at] ?? 0) + (value ?? 0))));
}

/** Round steps from nothing to above the highest value; counts have no halves. */
function stepsOf(values: number[], height: number): number[] {
  const most = Math.max(...values, 0) || 1;
  const rough = most / Math.max(2, Math.floor(height / 48));
  const size = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 5, 10].find((times) => times * size >= rough * 0.999) ?? 10;
  const step = values.every(Number.isInteger) ? Math.max(1, round * size) : round * size;
  return Array.from({ length: Math.ceil((most / step) * 0.999) + 1 }, (_none, at) => at * step);
}

function series(line: Line): uPlot.Series {
  const stroke = colour(line.colour);
  // Of a line with one value nothing else would be seen.
  const count = line.values.filter((value) => value !== null).length;
  const base = { label: line.label, stroke, width: 1.75, points: { show: count < 3, size: 6, fill: stroke }, spanGaps: true };
  if (line.kind === "bars") return { ...base, width: 0, fill: stroke, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.62, 34], radius: 0.12 }) };
  if (line.kind === "area") return { ...base, fill: `color-mix(in oklab, ${stroke} 14%, transparent)` };
  return base;
}
