// Light, dark, or as the system is.

export type Theme = "system" | "light" | "dark";

const PLACE = "llm-theme";
const told = new Set<() => void>();

export function theme(): Theme {
  const kept = localStorage.getItem(PLACE);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setTheme(to: Theme) {
  if (to === "system") localStorage.removeItem(PLACE);
  else localStorage.setItem(PLACE, to);
  apply();
}

/** Says it to the styles, and to what is drawn without them. */
export function apply() {
  const to = theme();
  if (to === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = to;
  told.forEach((tell) => tell());
}

export function onTheme(tell: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  told.add(tell);
  system.addEventListener("change", tell);
  return () => {
    told.delete(tell);
    system.removeEventListener("change", tell);
  };
}

let probe: HTMLElement | undefined;

/** What a colour of the styles is now: the variable itself says what it is in the light and in the dark. */
export function colour(name: string): string {
  probe ??= document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
