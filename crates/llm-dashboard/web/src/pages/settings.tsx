// Settings: who is signed in, what the gateway is, whom it tells of calls, and how programs reach it.

import { useState } from "preact/hooks";
import { get, type Row } from "../lib/api";
import { time } from "../lib/format";
import { useLoad } from "../lib/load";
import { setTheme, theme, type Theme } from "../lib/theme";
import { ROLES, useWho } from "../lib/who";
import { Badge, Card, Code, Facts, Head, Segments } from "../parts/basics";
import { Callbacks } from "./settings/callbacks";

export function Settings() {
  const { session, seesAll, role } = useWho();
  const [colours, setColours] = useState<Theme>(theme());
  const ready = useLoad((signal) => get<Row>("/health/readiness", {}, signal), []);
  const caller = session.caller;
  return (
    <>
      <Head title="Settings" />
      <div class="halves">
        <Card title="You">
          <Facts
            of={[
              ["Signed in as", caller?.user_email ?? caller?.user_id ?? caller?.key_alias ?? caller?.key_name ?? (session.wants_key ? "holder of the master key" : "anybody on this machine")],
              ["Role", ROLES[role] ?? role],
              ["Until", caller?.until ? time(caller.until * 1_000) : "no sign in is needed"],
              ["Colours", <Segments label="Colours" value={colours} options={[["system", "System"], ["light", "Light"], ["dark", "Dark"]]} onChange={(to) => { setTheme(to); setColours(to); }} />],
            ]}
          />
        </Card>
        <Card title="Gateway">
          <Facts
            of={[
              ["Version", session.version],
              ["Ready", ready.data ? <Badge tone="good" dot>{ready.data.status}</Badge> : (ready.error ?? "–")],
              ["Shared with others", ready.data?.redis ? `Redis, ${ready.data.redis}` : "nothing: it counts for itself"],
              ["Keys", session.wants_key ? "must be shown" : "none are wanted"],
              ["Store", session.has_store ? "keys, teams and calls are kept" : "none: nothing is kept"],
            ]}
          />
        </Card>
      </div>
      <Card title="How programs reach it">
        <Facts of={[["OpenAI's SDKs", <code>{`${location.origin}/v1`}</code>], ["Anthropic's SDKs", <code>{location.origin}</code>], ["Metrics", <code>{`${location.origin}/metrics`}</code>], ["Health", <code>{`${location.origin}/health/readiness`}</code>]]} />
      </Card>
      {seesAll && <Callbacks />}
      <Card title="Where settings are changed">
        <p class="prose">On the pages here: models, the router, guardrails, alerts and callbacks, at once and on every gateway of the database. Everything else in the configuration: the gateway reads the file again when it changes, and says in its log what waits for a restart. What it would serve is printed by</p>
        <Code>llm-server check --config config.yaml</Code>
      </Card>
    </>
  );
}
