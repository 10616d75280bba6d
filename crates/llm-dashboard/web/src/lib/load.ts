// Data that a page shows: asked for when what it depends on changes, kept while it is asked for again.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";

export interface Loaded<T> {
  data: T | undefined;
  error: string | undefined;
  loading: boolean;
  reload: () => void;
}

/** `every`: milliseconds after which it is asked for again, while somebody looks. */
export function useLoad<T>(ask: (signal: AbortSignal) => Promise<T>, deps: unknown[], every?: number): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: string; loading: boolean }>({ loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    const aborting = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    latest
      .current(aborting.signal)
      .then((data) => !aborting.signal.aborted && setState({ data, loading: false }))
      .catch((error) => {
        if (aborting.signal.aborted) return;
        setState((old) => ({ ...old, error: told(error), loading: false }));
      });
    return () => aborting.abort();
  }, [...deps, turn]);
  const reload = useCallback(() => setTurn((turn) => turn + 1), []);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), every);
    return () => clearInterval(timer);
  }, [every, reload]);
  return { data: state.data, error: state.error, loading: state.loading, reload };
}

export function told(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/** A value that follows another one when that has rested: what somebody types. */
export function useRested<T>(value: T, millis = 250): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), millis);
    return () => clearTimeout(timer);
  }, [value, millis]);
  return rested;
}
