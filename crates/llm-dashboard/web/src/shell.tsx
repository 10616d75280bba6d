// What stands around each page: the way to all pages, who is signed in, and the keys of the keyboard.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { href, usePlace, type Place } from "./lib/route";
import { setTheme, theme, type Theme } from "./lib/theme";
import { ROLES, useWho, type Rights } from "./lib/who";
import { Button, Card, Empty, Head } from "./parts/basics";
import { Icon, type IconName } from "./parts/icon";
import { PAGES } from "./pages";

export interface PageProps {
  /** What follows the page's name in the path. */
  rest: string;
  place: Place;
}

export interface Page {
  path: string;
  name: string;
  icon: IconName;
  group: string;
  view: FunctionComponent<PageProps>;
  /** Who has any use for it; without it everybody. */
  for?: (rights: Rights) => boolean;
}

export function Shell({ onSignOut }: { onSignOut: () => void }) {
  const place = usePlace();
  const rights = useWho();
  const [open, setOpen] = useState(false);
  const pages = PAGES.filter((page) => page.for?.(rights) ?? true);
  const [first = "", ...rest] = place.path.split("/");
  const page = pages.find((page) => page.path === first);
  useEffect(() => {
    document.title = `${page?.name ?? "Not found"} · LLM gateway`;
    setOpen(false);
  }, [place.path]);
  useKeys();
  const View = page?.view;
  return (
    <div class={`shell${open ? " open" : ""}`}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to the page
      </a>
      <header class="top">
        <Button look="quiet" icon={open ? "close" : "menu"} label={open ? "Close the menu" : "Open the menu"} onClick={() => setOpen(!open)} />
        <Brand />
      </header>
      <nav class="menu" aria-label="Pages" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
        <Brand />
        <div class="menu-pages">
          {groups(pages).map(([group, of]) => (
            <div key={group} class="menu-group">
              {group && <h2>{group}</h2>}
              {of.map((one) => (
                <a key={one.path} href={href(one.path)} aria-current={one === page ? "page" : undefined}>
                  <Icon name={one.icon} />
                  {one.name}
                </a>
              ))}
            </div>
          ))}
        </div>
        <Whoever rights={rights} onSignOut={onSignOut} />
      </nav>
      <div class="shade" onClick={() => setOpen(false)} />
      <main id="main" tabIndex={-1}>
        {View ? (
          <View key={first} rest={rest.map(decode).join("/")} place={place} />
        ) : (
          <NotFound />
        )}
      </main>
    </div>
  );
}

function NotFound() {
  return (
    <>
      <Head title="There is no such page" />
      <Card>
        <Empty icon="search" title="Nothing here" action={<a class="button plain" href={href("")}>To the overview</a>}>
            The address may be of another version, or of a page that is for administrators.
          </Empty>
      </Card>
    </>
  );
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Brand() {
  return (
    <a class="brand" href={href("")}>
      <svg viewBox="0 0 32 32" width="22" height="22" fill="none" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--accent)" />
        <path d="M8 10h5.500c3 0 5 2.700 5 6s2 6 5 6H24" stroke="var(--on-accent)" stroke-width="2.600" stroke-linecap="round" />
        <path d="M8 22h3.500c1.800 0 3.100-.9 4-2.300M24 10h-1.500c-1.600 0-2.800.8-3.700 2" stroke="var(--on-accent)" stroke-opacity=".6" stroke-width="2.600" stroke-linecap="round" />
      </svg>
      LLM gateway
    </a>
  );
}

function Whoever({ rights, onSignOut }: { rights: Rights; onSignOut: () => void }) {
  const { caller, wants_key } = rights.session;
  const name = !wants_key ? "This machine" : (caller?.user_email ?? caller?.user_id ?? caller?.key_alias ?? caller?.key_name ?? "Master key");
  return (
    <div class="whoever">
      <div class="whoever-text">
        <b title={name}>{name}</b>
        <small>{ROLES[rights.role] ?? rights.role}</small>
      </div>
      <Themes />
      {wants_key && <Button look="quiet" icon="out" label="Sign out" onClick={onSignOut} />}
    </div>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const SHOWN: Record<Theme, [IconName, string]> = { system: ["system", "as the system"], light: ["sun", "light"], dark: ["moon", "dark"] };

function Themes() {
  const [now, setNow] = useState(theme());
  const [icon, name] = SHOWN[now];
  const change = () => {
    setTheme(NEXT[now]);
    setNow(NEXT[now]);
  };
  return <Button look="quiet" icon={icon} label={`Colours: ${name}`} onClick={change} />;
}

function groups(pages: Page[]): [string, Page[]][] {
  const all = new Map<string, Page[]>();
  for (const page of pages) all.set(page.group, [...(all.get(page.group) ?? []), page]);
  return [...all];
}

/** `/` goes to the search of the page. */
function useKeys() {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      const types = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
      if (event.key === "/" && !types && !event.metaKey && !event.ctrlKey) {
        const search = document.querySelector<HTMLInputElement>("[data-search]");
        if (search) {
          event.preventDefault();
          search.focus();
          search.select();
        }
      }
      if (event.key === "Escape" && at.matches("[data-search]")) at.blur();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
