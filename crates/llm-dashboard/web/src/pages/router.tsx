// How the router is set: what is in force, where it comes from, and how it is changed.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { get, type Row } from "../lib/api";
import { useLoad } from "../lib/load";
import { useWho } from "../lib/who";
import { Badge, Button, Card, Facts, Head, Names, Problem, Skeleton } from "../parts/basics";
import { toast } from "../parts/toast";
import { NAMES, RouterForm, TITLES, type Part, type Shown } from "./router/form";
import { retryName } from "./router/policy";

const STRATEGIES: Record<string, string> = {
  "simple-shuffle": "by chance, by weight where there is one",
  round_robin: "in turn",
  random: "by chance",
  first_available: "to the first that is free",
  "least-busy": "to the one with the fewest calls under way",
  "latency-based": "to the one that answers fastest",
  "usage-based": "to the one that is used least",
  "cost-based": "to the cheapest",
};

export function RouterPage() {
  const found = useLoad((signal) => get<Shown>("/router/settings", {}, signal), [], 30_000);
  const [part, setPart] = useState<Part>();
  const { isAdmin } = useWho();
  const head = <Head title="Router" about="How a call finds its deployment, and what happens when that one fails." />;
  if (!found.data) return <>{head}{found.error ? <Problem onRetry={found.reload}>{found.error}</Problem> : <Skeleton rows={6} />}</>;
  const of = found.data.current_values;
  const seconds = (value: number | null) => (value === null || value === undefined ? "none" : `${value} s`);
  const strategy = String(of.routing_strategy);
  const groups = Object.entries(of.groups as Row);
  const shown = found.data;
  const policy = Object.entries((of.retry_policy ?? {}) as Record<string, number>).map(([kind, retries]) => `${retries} ${retryName(kind)}`);
  const card = (name: Part, children: ComponentChildren) => (
    <Card title={TITLES[name]} aside={<><Sources of={shown} names={NAMES[name]} />{isAdmin && shown.fields && <Button small icon="edit" label={`Change: ${TITLES[name]}`} onClick={() => setPart(name)} />}</>}>
      {children}
    </Card>
  );
  return (
    <>
      {head}
      <div class="halves">
        {card("choice",
          <Facts of={[["Strategy", <span><b>{strategy}</b>{STRATEGIES[strategy] && <span class="dim"> {STRATEGIES[strategy]}</span>}</span>], ["Checks before", of.enable_pre_call_checks ? "prompt length and abilities" : "none"], ["Stays with", [of.affinity.session && "sessions", of.affinity.conversation && "conversations"].filter(Boolean).join(", ") || "nobody"], ["Calls at a time", of.max_parallel_requests ?? "no limit"], ["When all are full", of.queue ? `wait up to ${of.queue.timeout} s, ${of.queue.max} at most` : "refuse at once"]]} />,
        )}
        {card("retries",
          <Facts of={[["Retries", of.num_retries], ...(policy.length > 0 ? ([["By what went wrong", policy.join(", ")]] as [string, string][]) : []), ["At least apart", seconds(of.retry_after)], ["Budget", `${Math.round(of.retry_budget.share * 100)}% of the calls, and ${of.retry_budget.per_second} a second`], ["A stream breaks", { error: "ends with an error", restart: "is begun again elsewhere", continue: "goes on elsewhere" }[of.mid_stream as string] ?? of.mid_stream], ["What vendors lack", of.drop_params ? "is dropped" : "is refused, where it changes the meaning"]]} />,
        )}
        {card("cooldown",
          <Facts of={[["Allowed failures", of.disable_cooldowns ? "any: cooldowns are off" : (of.allowed_fails ?? "by the gateway's judgement")], ["Left alone for", of.max_cooldown_time ? `${of.cooldown_time} s, growing to ${of.max_cooldown_time} s` : seconds(of.cooldown_time)], ["Back within", seconds(of.slow_start)], ["Asked how they are", of.check_interval ? `every ${of.check_interval} s` : "by calls alone"]]} />,
        )}
        {card("timeouts",
          <Facts of={[["Connection", seconds(of.timeouts.connect)], ["Answer begins", seconds(of.timeouts.answer)], ["First content", seconds(of.timeouts.first_content)], ["Silence", seconds(of.timeouts.idle)], ["Whole call", seconds(of.timeouts.total)]]} />,
        )}
      </div>
      {card("fallbacks",
        <Fallbacks of={of} />,
      )}
      {groups.length > 0 && (
        <Card title="Models with settings of their own">
          <Facts of={groups.map(([name, own]) => [name, [own.routing_strategy, own.num_retries !== null && `${own.num_retries} retries`, own.timeouts.answer && `answer within ${own.timeouts.answer} s`].filter(Boolean).join(", ") || "as all"])} />
        </Card>
      )}
      <Card title="Where this is changed">
        <p class="prose">{shown.fields && isAdmin ? <>Here, where it is kept in the database and wins, or in <code>router_settings</code> of the configuration.</> : <>In <code>router_settings</code> of the configuration.</>} A change holds at once; calls under way end as they began.</p>
      </Card>
      {part && <RouterForm part={part} of={shown} onClose={() => setPart(undefined)} onDone={() => { setPart(undefined); toast("It holds from now on"); found.reload(); }} />}
    </>
  );
}

const SOURCES: Record<string, ["info" | "dull", string]> = { db: ["info", "database"], env: ["dull", "environment"], config: ["dull", "configuration"] };

/** Where the settings of a card come from, those that are not defaults. */
function Sources({ of, names }: { of: Shown; names: string[] }) {
  const found = Object.entries(SOURCES).map(([source, told]) => ({ told, names: names.filter((name) => of.source?.[name] === source) }));
  return <>{found.filter((one) => one.names.length > 0).map(({ told: [tone, name], names }) => <Badge key={name} tone={tone} title={names.join(", ")}>{name}</Badge>)}</>;
}

function Fallbacks({ of }: { of: Row }) {
  const kinds: [string, Row[]][] = [["When it fails", of.fallbacks], ["Prompt too long", of.context_window_fallbacks], ["Content policy", of.content_policy_fallbacks]];
  const all = kinds.flatMap(([kind, list]) => list.flatMap((one) => Object.entries(one).map(([from, to]): [string, string, string[]] => [kind, from, to as string[]])));
  if (all.length === 0 && of.default_fallbacks.length === 0) return <p class="nothing">None: a model that fails is an error for whoever asked.</p>;
  return (
    <>
      <ul class="fallbacks">
        {all.map(([kind, from, to]) => (
          <li key={kind + from}><code>{from}</code> <span class="dim">{kind.toLowerCase()}:</span> {to.map((one, at) => <span key={one}>{at > 0 && <span class="dim">, then </span>}<code>{one}</code></span>)}</li>
        ))}
        {of.default_fallbacks.length > 0 && <li><span class="dim">all others:</span> <Names of={of.default_fallbacks} /></li>}
      </ul>
      <p class="dim">At most {of.max_fallbacks} of them for one call.</p>
    </>
  );
}
