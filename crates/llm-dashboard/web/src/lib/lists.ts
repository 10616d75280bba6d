// Names that forms offer: models, teams, users, organisations, guardrails.

import { get, type Row } from "./api";
import { useLoad } from "./load";

export function useModels(): string[] {
  const { data } = useLoad((signal) => get<{ data: Row[] }>("/v1/models", {}, signal), []);
  return (data?.data ?? []).map((one) => String(one.id));
}

export function useTeams(): [string, string][] {
  const { data } = useLoad((signal) => get<{ teams: Row[] }>("/v2/team/list", { page_size: 100 }, signal), []);
  return (data?.teams ?? []).map((team) => [team.team_id, team.team_alias || team.team_id]);
}

export function useUsers(): [string, string][] {
  const { data } = useLoad((signal) => get<{ users: Row[] }>("/user/list", { page_size: 100 }, signal), []);
  return (data?.users ?? []).map((user) => [user.user_id, user.user_email || user.user_alias || user.user_id]);
}

export function useOrganizations(): [string, string][] {
  const { data } = useLoad((signal) => get<Row[]>("/organization/list", {}, signal), []);
  return (data ?? []).map((one) => [one.organization_id, one.organization_alias || one.organization_id]);
}

export function useGuardrails(): string[] {
  const { data } = useLoad((signal) => get<{ guardrails: Row[] }>("/guardrails/list", {}, signal), []);
  return (data?.guardrails ?? []).map((one) => one.guardrail_name);
}

/** What people call somebody, by the id. */
export function named(list: [string, string][], id: string | null | undefined): string {
  return list.find(([one]) => one === id)?.[1] ?? id ?? "–";
}
