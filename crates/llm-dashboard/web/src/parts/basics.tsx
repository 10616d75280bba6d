// The small parts that pages are made of.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";
import { toast } from "./toast";

type Look = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps {
  look?: Look;
  icon?: IconName;
  children?: ComponentChildren;
  onClick?: (event: MouseEvent) => void;
  disabled?: boolean;
  busy?: boolean;
  label?: string;
  type?: "button" | "submit";
  small?: boolean;
  pressed?: boolean;
}

export function Button({ look = "plain", icon, children, onClick, disabled, busy, label, type = "button", small, pressed }: ButtonProps) {
  return (
    <button
      type={type}
      class={`button ${look}${small ? " small" : ""}${children ? "" : " only-icon"}`}
      onClick={onClick}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      aria-label={label}
      aria-pressed={pressed}
      title={children ? undefined : label}
    >
      {busy ? <span class="spinner" /> : icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

export function Card({ title, aside, children, flush, class: extra }: { title?: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; flush?: boolean; class?: string }) {
  return (
    <section class={`card${flush ? " flush" : ""}${extra ? ` ${extra}` : ""}`}>
      {(title || aside) && (
        <header class="card-head">
          <h2>{title}</h2>
          {aside && <div class="card-aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

type Tone = "good" | "warn" | "bad" | "info" | "dull";

export function Badge({ tone = "dull", dot, children, title }: { tone?: Tone; dot?: boolean; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {dot && <i class="dot" />}
      {children}
    </span>
  );
}

/** The head of a page: what it is, and what can be done on it. */
export function Head({ title, about, back, children }: { title: ComponentChildren; about?: ComponentChildren; back?: { to: string; name: string }; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div class="head-text">
        {back && (
          <a class="back" href={back.to}>
            <Icon name="left" size={12} /> {back.name}
          </a>
        )}
        <h1>{title}</h1>
        {about && <p class="about">{about}</p>}
      </div>
      {children && <div class="head-actions">{children}</div>}
    </header>
  );
}

/** What stands where nothing is yet, and what to do about it. */
export function Empty({ icon = "logs", title, children, action }: { icon?: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={20} />
      </span>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Problem({ children, onRetry }: { children: ComponentChildren; onRetry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="warn" />
      <span>{children}</span>
      {onRetry && (
        <Button small onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

export function Notice({ children, tone = "info" }: { children: ComponentChildren; tone?: "info" | "warn" }) {
  return <div class={`notice ${tone}`}>{children}</div>;
}

export function Segments<T extends string>({ value, options, onChange, label }: { value: T; options: [T, string][]; onChange: (to: T) => void; label: string }) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([name, shown]) => (
        <button type="button" key={name} aria-pressed={name === value} onClick={() => onChange(name)}>
          {shown}
        </button>
      ))}
    </div>
  );
}

/** What was spent of what may be. */
export function BudgetBar({ spent, of, label, compact }: { spent: number; of: number | null; label?: string; compact?: boolean }) {
  const part = of ? Math.min(1, spent / of) : 0;
  const tone = part >= 1 ? "bad" : part >= 0.8 ? "warn" : "good";
  if (!of) return null;
  return (
    <div class={`bar ${tone}${compact ? " compact" : ""}`} role="progressbar" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)} aria-label={label ?? "spent of the budget"}>
      <span style={{ width: `${Math.max(part * 100, spent > 0 ? 1.5 : 0)}%` }} />
    </div>
  );
}

export function Copy({ text, label = "Copy", children }: { text: string; label?: string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    if (await copied(text)) {
      setDone(true);
      setTimeout(() => setDone(false), 1_500);
    } else toast("Copying is not possible here: select the text", "bad");
  };
  return (
    <Button look={children ? "plain" : "quiet"} small={!children} icon={done ? "check" : "copy"} label={done ? "Copied" : label} onClick={copy}>
      {children && (done ? "Copied" : children)}
    </Button>
  );
}

/** Pages without TLS have no clipboard: an old way is tried there. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function Code({ children, copy }: { children: string; copy?: boolean }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{children}</pre>
      {copy !== false && <Copy text={children} />}
    </div>
  );
}

/** Names and what they hold. */
export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Names({ of, all = "all models" }: { of: string[] | null | undefined; all?: string }) {
  if (!of || of.length === 0) return <span class="dim">{all}</span>;
  return (
    <span class="names">
      {of.slice(0, 3).map((name) => (
        <code key={name}>{name}</code>
      ))}
      {of.length > 3 && <span class="dim">+{of.length - 3}</span>}
    </span>
  );
}

export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}
