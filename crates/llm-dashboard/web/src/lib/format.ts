// Numbers, money and times as people read them.

const whole = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** `1.2M`; small numbers as they are. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 10_000 ? whole.format(Math.round(value * 10) / 10) : compact.format(value);
}

/** Dollars with as many digits as it takes to see them. */
export function money(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === "") return "–";
  const dollars = Number(value);
  if (!Number.isFinite(dollars)) return "–";
  const size = Math.abs(dollars);
  if (size === 0) return "$0.00";
  if (size >= 100_000) return `$${compact.format(dollars)}`;
  if (size >= 1) return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (size >= 0.01) return `$${dollars.toFixed(3).replace(/0$/, "")}`;
  return `$${Number(dollars.toPrecision(2)).toFixed(Math.min(9, 1 - Math.floor(Math.log10(size))))}`;
}

export function percent(part: number, whole: number): string {
  if (!whole) return "0%";
  const value = (100 * part) / whole;
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(value < 0.1 ? 2 : 1)}%`;
}

export function millis(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 1_000) return `${Number(value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0))} ms`;
  if (value < 120_000) return `${Number((value / 1_000).toFixed(value < 10_000 ? 2 : 1))} s`;
  return `${Math.round(value / 60_000)} min`;
}

const DAY = 86_400_000;

/** `2026-11-22`, in UTC as the gateway's days are. */
export function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

export function daysAgo(days: number): string {
  return day(Date.now() - days * DAY);
}

/** All days from one to another one. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) days.push(day(at));
  return days;
}

export function time(text: string | number | null | undefined): string {
  if (!text) return "–";
  return new Date(text).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function date(text: string | number | null | undefined): string {
  if (!text) return "–";
  return new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** `3 min ago`, `in 2 d`: never on two lines. */
export function ago(text: string | number | null | undefined): string {
  if (!text) return "–";
  const seconds = (Date.now() - new Date(text).getTime()) / 1_000;
  const size = Math.abs(seconds);
  const [amount, unit] = size < 60 ? [size, "s"] : size < 3_600 ? [size / 60, "min"] : size < 86_400 ? [size / 3_600, "h"] : [size / 86_400, "d"];
  const told = `${Math.floor(amount)}\u00a0${unit}`;
  return seconds < 0 ? `in\u00a0${told}` : size < 2 ? "now" : `${told}\u00a0ago`;
}

/** Enough of an id to recognise it. */
export function shorten(id: string | null | undefined, letters = 10): string {
  if (!id) return "–";
  return id.length > letters + 2 ? `${id.slice(0, letters)}…` : id;
}
