// Small drawings: sparklines, bars of a ranking, and shares of a whole.

import type { ComponentChildren } from "preact";

export function Spark({ values, colour = "accent", width = 96, height = 26 }: { values: number[]; colour?: string; width?: number; height?: number }) {
  if (values.length < 4) return null;
  const most = Math.max(...values, 0) || 1;
  const x = (at: number) => (at / (values.length - 1)) * width;
  const y = (value: number) => height - 2 - (value / most) * (height - 4);
  const line = values.map((value, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return (
    <svg class="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={`${line}L${width} ${height}L0 ${height}Z`} fill={`var(--${colour})`} opacity="0.12" />
      <path d={line} fill="none" stroke={`var(--${colour})`} stroke-width="1.5" stroke-linejoin="round" />
    </svg>
  );
}

export interface Ranked {
  name: ComponentChildren;
  id: string;
  value: number;
  shown: string;
  aside?: string;
  to?: string;
}

/** Who has the most, each with a bar. */
export function Ranking({ of, empty, colour = "accent" }: { of: Ranked[]; empty: string; colour?: string }) {
  if (of.length === 0) return <p class="nothing">{empty}</p>;
  const most = Math.max(...of.map((one) => one.value)) || 1;
  return (
    <ol class="ranking">
      {of.map((one) => (
        <li key={one.id}>
          <div class="ranking-text">
            {one.to ? <a href={one.to}>{one.name}</a> : <span>{one.name}</span>}
            {one.aside && <small>{one.aside}</small>}
            <b>{one.shown}</b>
          </div>
          <div class="ranking-bar">
            <span style={{ width: `${Math.max(1, (100 * one.value) / most)}%`, background: `var(--${colour})` }} />
          </div>
        </li>
      ))}
    </ol>
  );
}

export interface Share {
  name: string;
  value: number;
  shown: string;
  colour: string;
}

/** Shares of a whole as a ring, with what is in its middle. */
export function Ring({ of, middle, about }: { of: Share[]; middle: string; about: string }) {
  const whole = of.reduce((sum, one) => sum + one.value, 0);
  const radius = 40;
  const round = 2 * Math.PI * radius;
  let before = 0;
  return (
    <div class="ring">
      <svg viewBox="0 0 100 100" width="128" height="128" role="img" aria-label={of.map((one) => `${one.name} ${one.shown}`).join(", ")}>
        <circle cx="50" cy="50" r={radius} fill="none" stroke="var(--line)" stroke-width="11" />
        {whole > 0 &&
          of.map((one) => {
            const part = (one.value / whole) * round;
            const gap = of.length > 1 ? Math.min(1.5, part / 3) : 0;
            const arc = (
              <circle key={one.name} cx="50" cy="50" r={radius} fill="none" stroke={`var(--${one.colour})`} stroke-width="11" stroke-dasharray={`${Math.max(0, part - gap)} ${round}`} stroke-dashoffset={-before} transform="rotate(-90 50 50)" />
            );
            before += part;
            return arc;
          })}
        <text x="50" y="49" text-anchor="middle" class="ring-middle">{middle}</text>
        <text x="50" y="62" text-anchor="middle" class="ring-about">{about}</text>
      </svg>
      <ul>
        {of.map((one) => (
          <li key={one.name}>
            <i style={{ background: `var(--${one.colour})` }} />
            <span>{one.name}</span>
            <b>{one.shown}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Colours of what is told apart, in this order. */
export const COLOURS = ["c1", "c2", "c3", "c4", "c5", "c6"];
