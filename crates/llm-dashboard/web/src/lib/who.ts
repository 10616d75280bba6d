// Who is signed in, for pages that show more to some than to others. The gateway decides; this only spares dead ends.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./api";

export const Who = createContext<Session | null>(null);

export interface Rights {
  session: Session;
  role: string;
  /** May do everything. */
  isAdmin: boolean;
  /** May see everything. */
  seesAll: boolean;
  /** May make keys. */
  makes: boolean;
}

export function useWho(): Rights {
  const session = useContext(Who);
  if (!session?.caller) throw new Error("nobody is signed in");
  const role = session.caller.role;
  const isAdmin = role === "proxy_admin";
  return {
    session,
    role,
    isAdmin,
    seesAll: isAdmin || role === "proxy_admin_viewer",
    makes: isAdmin || role === "org_admin" || role === "internal_user",
  };
}

export const ROLES: Record<string, string> = {
  proxy_admin: "Administrator",
  proxy_admin_viewer: "Administrator (views)",
  org_admin: "Organisation admin",
  internal_user: "User",
  internal_user_viewer: "User (views)",
  team: "Team key",
  customer: "Key",
};
