// Logs: calls one by one, found by whatever they are known by.

import { useState } from "preact/hooks";
import { send, query } from "../lib/api";
import { daysAgo } from "../lib/format";
import { useModels, useTeams } from "../lib/lists";
import { told, useRested } from "../lib/load";
import { href, setParams } from "../lib/route";
import { useWho } from "../lib/who";
import { Button, Head, Segments } from "../parts/basics";
import { Search, Select } from "../parts/form";
import { toast } from "../parts/toast";
import type { PageProps } from "../shell";
import { Calls } from "./logs/calls";
import { OneCall } from "./logs/one";

export function Logs({ rest, place }: PageProps) {
  return rest ? <OneCall id={rest} /> : <List place={place} />;
}

const TIMES: [string, string][] = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["0", "All"]];

function List({ place }: Pick<PageProps, "place">) {
  const { seesAll } = useWho();
  const models = useModels();
  const teams = useTeams();
  const [search, setSearch] = useState(place.params.get("call") ?? "");
  const rested = useRested(search.trim());
  const of = (name: string) => place.params.get(name) ?? "";
  const days = of("days") || "7";
  const filter = {
    request_id: rested,
    start_date: days === "0" || rested ? undefined : `${daysAgo(Number(days) - 1)} 00:00:00`,
    end_date: days === "0" || rested ? undefined : `${daysAgo(0)} 23:59:59`,
    model_group: of("model"),
    team_id: of("team"),
    api_key: of("key"),
    end_user: of("customer"),
    status_filter: of("status"),
  };
  const set = (name: string) => (to: string) => setParams({ [name]: to || undefined });
  const save = async () => {
    const { request_id, ...rest } = filter;
    try {
      const answer = await send("GET", `api/spend/logs/export${query({ ...rest, format: "csv" })}`);
      download(await answer.blob(), "calls.csv");
    } catch (error) {
      toast(told(error), "bad");
    }
  };
  return (
    <>
      <Head title="Logs" about={seesAll ? "Every call leaves one row: who asked, who answered, what it used and what it cost." : "Your own calls."}>
        <Segments label="Time" value={days} options={TIMES} onChange={(to) => setParams({ days: to === "7" ? undefined : to })} />
        <Button icon="external" onClick={save}>Export</Button>
      </Head>
      <div class="filters">
        <Search label="Search by call id" value={search} onChange={setSearch} />
        <Select bare label="Outcome" value={of("status")} onChange={set("status")} options={[["", "Any outcome"], ["success", "Answered"], ["failure", "Failed"]]} />
        <Select bare label="Model" value={of("model")} onChange={set("model")} options={[["", "Any model"], ...models.map((one): [string, string] => [one, one])]} />
        {teams.length > 0 && <Select bare label="Team" value={of("team")} onChange={set("team")} options={[["", "Any team"], ...teams]} />}
        {["key", "customer"].filter(of).map((name) => (
          <span class="chip" key={name}>
            {name} {of(name).slice(0, 12)}
            <button type="button" aria-label={`Take away the filter by ${name}`} onClick={() => setParams({ [name]: undefined })}>×</button>
          </span>
        ))}
      </div>
      <Calls filter={filter} size={50} every={10_000} empty={<span>Make a call with a key, or in the <a href={href("playground")}>playground</a>, and it shows up here.</span>} />
    </>
  );
}

function download(blob: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.target = "_self";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
