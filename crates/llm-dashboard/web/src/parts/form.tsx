// Fields of forms, each with its name and a word about it.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Icon } from "./icon";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  value: string;
  onChange: (to: string) => void;
}

interface InputProps extends FieldProps {
  type?: "text" | "password" | "number" | "date";
  placeholder?: string;
  required?: boolean;
  autofocus?: boolean;
  min?: string;
  step?: string;
  unit?: string;
  list?: string[];
  autocomplete?: string;
}

export function Input({ label, hint, value, onChange, unit, list, type = "text", autofocus, autocomplete = "off", ...rest }: InputProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={unit ? "with-unit" : undefined}>
        {unit && <span class="unit">{unit}</span>}
        <input id={id} type={type as "text"} value={value} onInput={(event) => onChange(event.currentTarget.value)} list={list ? `${id}-list` : undefined} autoFocus={autofocus} autoComplete={autocomplete} spellcheck={false} aria-describedby={hint ? `${id}-hint` : undefined} {...rest} />
      </div>
      {list && (
        <datalist id={`${id}-list`}>
          {list.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function Area({ label, hint, value, onChange, rows = 4, placeholder, mono }: FieldProps & { rows?: number; placeholder?: string; mono?: boolean }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} class={mono ? "mono" : undefined} rows={rows} value={value} placeholder={placeholder} onInput={(event) => onChange(event.currentTarget.value)} aria-describedby={hint ? `${id}-hint` : undefined} />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function Select({ label, hint, value, onChange, options, bare }: FieldProps & { options: [string, string][]; bare?: boolean }) {
  const id = useId();
  const select = (
    <span class="select">
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)} aria-label={bare ? label : undefined} aria-describedby={hint && !bare ? `${id}-hint` : undefined}>
        {options.map(([name, shown]) => (
          <option key={name} value={name}>
            {shown}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} />
    </span>
  );
  if (bare) return select;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {select}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

/** Some of a few things, each with a word about it. */
export function Checks({ label, value, onChange, options }: { label: string; value: string[]; onChange: (to: string[]) => void; options: [string, string][] }) {
  const turn = (name: string) => onChange(options.map(([known]) => known).filter((known) => (known === name ? !value.includes(name) : value.includes(known))));
  return (
    <fieldset class="fields checks">
      <legend>{label}</legend>
      {options.map(([name, shown]) => (
        <label key={name}>
          <input type="checkbox" checked={value.includes(name)} onChange={() => turn(name)} />
          <span>{shown}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Several names, of a list or of one's own. */
export function Several({ label, hint, value, onChange, known, placeholder }: { label: string; hint?: ComponentChildren; value: string[]; onChange: (to: string[]) => void; known: string[]; placeholder?: string }) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const add = (name: string) => {
    const clean = name.trim();
    if (clean && !value.includes(clean)) onChange([...value, clean]);
    setTyped("");
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="several">
        {value.map((name) => (
          <span class="chip" key={name}>
            {name}
            <button type="button" aria-label={`Remove ${name}`} onClick={() => onChange(value.filter((one) => one !== name))}>
              <Icon name="close" size={10} />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={typed}
          list={`${id}-list`}
          placeholder={value.length === 0 ? placeholder : ""}
          autoComplete="off"
          onInput={(event) => {
            const to = event.currentTarget.value;
            if (known.includes(to)) add(to);
            else setTyped(to);
          }}
          onBlur={() => add(typed)}
          onKeyDown={(event) => {
            if (event.key === "Enter" || event.key === ",") {
              event.preventDefault();
              add(typed);
            }
            if (event.key === "Backspace" && typed === "") onChange(value.slice(0, -1));
          }}
        />
        <datalist id={`${id}-list`}>
          {known
            .filter((name) => !value.includes(name))
            .map((name) => (
              <option key={name} value={name} />
            ))}
        </datalist>
      </div>
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

export function Search({ value, onChange, label }: { value: string; onChange: (to: string) => void; label: string }) {
  return (
    <div class="search" role="search">
      <Icon name="search" size={14} />
      <input type="search" data-search value={value} placeholder={label} aria-label={label} onInput={(event) => onChange(event.currentTarget.value)} />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

/** A number that was typed, or nothing. */
export function typed(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}

export const PERIODS: [string, string][] = [
  ["", "no period"],
  ["1h", "hour"],
  ["1d", "day"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["1mo", "calendar month"],
];
