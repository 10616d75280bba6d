// What the gateway is asked, as whoever is signed in. Each request says that it is this page's.

/** Where the application is served from: `/ui/`, or below what a server around the gateway puts before it. */
export const BASE = new URL(document.baseURI).pathname;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = Record<string, any>;
export type Params = Record<string, string | number | boolean | null | undefined>;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const OWN = { "x-llm-session": "1" };

let onSignedOut = () => {};

/** Who is told that the session is over. */
export function whenSignedOut(told: () => void) {
  onSignedOut = told;
}

export function query(params: Params): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

/** Sends a request, and gives the answer back as it comes. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { ...OWN };
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, signal: signal ?? null, credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await fetch(`${BASE}${path}`, init).catch((error) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "the gateway cannot be reached");
  });
  if (answer.ok) return answer;
  const error = new ApiError(answer.status, said(await answer.text(), answer.status));
  if (answer.status === 401 && path.startsWith("api/")) onSignedOut();
  throw error;
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await send(method, path, body, signal);
  return (await answer.json()) as T;
}

export function get<T = any>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return json("GET", `api${path}${query(params)}`, undefined, signal);
}

export function post<T = any>(path: string, body: unknown = {}): Promise<T> {
  return json("POST", `api${path}`, body);
}

export function call<T = any>(method: string, path: string, body?: unknown): Promise<T> {
  return json(method, `api${path}`, body);
}

export const session = {
  show: () => json<Session>("GET", "session"),
  begin: (shown: Row) => json<Session>("POST", "session", shown),
  end: () => json<Session>("DELETE", "session"),
};

export interface Caller {
  role: string;
  user_id: string | null;
  user_email: string | null;
  team_id: string | null;
  team_alias: string | null;
  key_name: string | null;
  key_alias: string | null;
  key_hash: string | null;
  until: number | null;
}

export interface Session {
  version: string;
  wants_key: boolean;
  has_password: boolean;
  has_store: boolean;
  caller: Caller | null;
}

/** What an answer says of what went wrong, in any of the shapes that routes have. */
function said(text: string, status: number): string {
  try {
    const told = JSON.parse(text);
    const error = told.error ?? told.detail ?? told;
    if (typeof error === "string") return error;
    if (Array.isArray(error)) return error.map((one) => [one.loc?.slice(1).join("."), one.msg].filter(Boolean).join(": ")).join("; ");
    const message = error.message ?? error.error ?? error.detail;
    if (typeof message === "string") return message;
  } catch {
    // No JSON.
  }
  return text.length > 0 && text.length < 300 ? text : `the gateway answered ${status}`;
}
