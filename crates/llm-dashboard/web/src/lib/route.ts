// Which page is shown: paths below the base, so that addresses can be shared and the back button works.

import { useEffect, useState } from "preact/hooks";
import { BASE } from "./api";

export interface Place {
  /** `keys`, `keys/3f2a…`. */
  path: string;
  params: URLSearchParams;
}

function here(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: path.replace(/\/+$/, ""), params: new URLSearchParams(location.search) };
}

const told = new Set<() => void>();

/** The address of a page. */
export function href(path: string): string {
  return BASE + path;
}

/** Goes to a page. `replace`: the back button passes over the one that is left. */
export function go(path: string, replace = false) {
  const to = href(path);
  if (to !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", to);
  told.forEach((tell) => tell());
}

/** Puts filters into the address. */
export function setParams(changes: Record<string, string | undefined>) {
  const place = here();
  for (const [name, value] of Object.entries(changes)) {
    if (value) place.params.set(name, value);
    else place.params.delete(name);
  }
  const text = place.params.toString();
  go(place.path + (text ? `?${text}` : ""), true);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const tell = () => setPlace(here());
    const clicked = (event: MouseEvent) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
      if (!link || link.target || link.origin !== location.origin || !link.pathname.startsWith(BASE) || link.pathname.startsWith(`${BASE}api/`)) return;
      event.preventDefault();
      go((link.pathname + link.search).slice(BASE.length));
      document.getElementById("main")?.scrollTo(0, 0);
    };
    told.add(tell);
    addEventListener("popstate", tell);
    addEventListener("click", clicked);
    return () => {
      told.delete(tell);
      removeEventListener("popstate", tell);
      removeEventListener("click", clicked);
    };
  }, []);
  return place;
}
