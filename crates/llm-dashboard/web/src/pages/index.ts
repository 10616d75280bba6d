// All pages, in the order of the menu.

import type { Rights } from "../lib/who";
import type { Page } from "../shell";
import { Audit } from "./audit";
import { Budgets } from "./budgets";
import { Cache } from "./cache";
import { Customers } from "./customers";
import { Guardrails } from "./guardrails";
import { Keys } from "./keys";
import { Logs } from "./logs";
import { Models } from "./models";
import { Organizations } from "./organizations";
import { Overview } from "./overview";
import { Playground } from "./playground";
import { RouterPage } from "./router";
import { Settings } from "./settings";
import { Teams } from "./teams";
import { Users } from "./users";

const seesAll = (rights: Rights) => rights.seesAll;
const leads = (rights: Rights) => rights.seesAll || rights.role === "org_admin";
const isSomebody = (rights: Rights) => rights.seesAll || rights.session.caller?.user_id !== null;

export const PAGES: Page[] = [
  { path: "", name: "Overview", icon: "overview", group: "", view: Overview },
  { path: "logs", name: "Logs", icon: "logs", group: "", view: Logs },
  { path: "playground", name: "Playground", icon: "playground", group: "", view: Playground },
  { path: "keys", name: "Keys", icon: "keys", group: "Access", view: Keys },
  { path: "teams", name: "Teams", icon: "teams", group: "Access", view: Teams, for: isSomebody },
  { path: "users", name: "Users", icon: "users", group: "Access", view: Users, for: leads },
  { path: "organizations", name: "Organisations", icon: "organizations", group: "Access", view: Organizations, for: leads },
  { path: "customers", name: "Customers", icon: "customers", group: "Access", view: Customers, for: seesAll },
  { path: "budgets", name: "Budgets and alerts", icon: "budgets", group: "Access", view: Budgets, for: seesAll },
  { path: "models", name: "Models", icon: "models", group: "Gateway", view: Models },
  { path: "router", name: "Router", icon: "router", group: "Gateway", view: RouterPage, for: seesAll },
  { path: "guardrails", name: "Guardrails", icon: "guardrails", group: "Gateway", view: Guardrails, for: seesAll },
  { path: "cache", name: "Cache", icon: "cache", group: "Gateway", view: Cache, for: seesAll },
  { path: "audit", name: "Audit", icon: "audit", group: "System", view: Audit, for: seesAll },
  { path: "settings", name: "Settings", icon: "settings", group: "System", view: Settings },
];
