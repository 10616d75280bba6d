// A deployment: what is served, together with how it does.

import type { Row } from "../../lib/api";
import { ago } from "../../lib/format";
import { Badge } from "../../parts/basics";

export interface Deployment {
  id: string;
  name: string;
  model: string;
  vendor: string;
  /** Of the store, and not of the configuration. */
  stored: boolean;
  info: Row;
  params: Row;
  /** How it does; for those who see all. */
  status: Row | undefined;
}

export function joined(models: Row[], statuses: Row[]): Deployment[] {
  const known = new Map(statuses.map((one) => [one.model_id, one]));
  return models.map((one) => ({
    id: one.model_info.id,
    name: one.model_name,
    model: one.litellm_params.model,
    vendor: one.litellm_params.custom_llm_provider,
    stored: one.model_info.db_model,
    info: one.model_info,
    params: one.litellm_params,
    status: known.get(one.model_info.id),
  }));
}

const TOLD: Record<string, ["good" | "warn" | "bad", string]> = {
  healthy: ["good", "healthy"],
  failing: ["warn", "failing"],
  cooling_down: ["bad", "left alone"],
  probing: ["warn", "being tried"],
  recovering: ["warn", "coming back"],
};

export function Standing({ of }: { of: Deployment }) {
  if (!of.status) return <Badge>served</Badge>;
  const [tone, name] = TOLD[of.status.status] ?? ["warn", of.status.status];
  const until = of.status.cooldown_until_seconds;
  return (
    <span class="status-row">
      <Badge tone={tone} dot title={of.status.last_error ?? undefined}>{name}</Badge>
      {of.status.last_error && <small>{String(of.status.last_error).replaceAll("_", " ")}</small>}
      {until && <small>{ago(Date.now() + until * 1_000)}</small>}
    </span>
  );
}

/** How those of a group do, together. */
export function Health({ of }: { of: Deployment[] }) {
  const bad = of.filter((one) => one.status && one.status.status !== "healthy");
  if (of.length === 1) return <Standing of={of[0]!} />;
  if (bad.length === 0) return <Badge tone="good" dot>{of.length} healthy</Badge>;
  return <Badge tone={bad.length === of.length ? "bad" : "warn"} dot>{bad.length} of {of.length} failing</Badge>;
}
