// The playground: a conversation with up to four models side by side, with what each takes and costs.

import { useEffect, useRef, useState } from "preact/hooks";
import { millis, money, number } from "../lib/format";
import { useModels } from "../lib/lists";
import { told } from "../lib/load";
import { href } from "../lib/route";
import { chat, rowOf, type Answered, type Message } from "../lib/stream";
import { Button, Empty, Head, Problem } from "../parts/basics";
import { Area, Input, Select, typed } from "../parts/form";
import { Icon } from "../parts/icon";

const MOST = 4;

interface Turn {
  said: string;
  /** By the place of the model. */
  answers: (Partial<Answered> & { error?: string; cost?: number; running: boolean })[];
}

export function Playground() {
  const known = useModels();
  const [models, setModels] = useState<string[]>([]);
  const [turns, setTurns] = useState<Turn[]>([]);
  const [system, setSystem] = useState("");
  const [temperature, setTemperature] = useState("");
  const [most, setMost] = useState("");
  const [said, setSaid] = useState("");
  const [settings, setSettings] = useState(false);
  const running = useRef<AbortController>(undefined);
  const isRunning = turns.at(-1)?.answers.some((one) => one.running) ?? false;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const first = known.find((name) => !name.includes("*"));
    if (first && models.length === 0) setModels([first]);
  }, [known.length]);
  useEffect(() => () => running.current?.abort(), []);
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [turns]);

  const change = (at: number, model: number, so: Turn["answers"][number]) =>
    setTurns((all) => all.map((turn, place) => (place === at ? { ...turn, answers: turn.answers.map((one, which) => (which === model ? { ...one, ...so } : one)) } : turn)));

  const ask = async () => {
    const words = said.trim();
    if (!words || isRunning || models.length === 0) return;
    setSaid("");
    const aborting = new AbortController();
    running.current = aborting;
    const at = turns.length;
    setTurns([...turns, { said: words, answers: models.map(() => ({ running: true })) }]);
    await Promise.all(models.map(async (model, which) => {
      const messages = conversation(system, turns, which, words);
      try {
        const answer = await chat({ model, messages, temperature: typed(temperature) ?? undefined, max_tokens: typed(most) ?? undefined }, aborting.signal, (so) => change(at, which, { ...so, running: true }));
        change(at, which, { ...answer, running: false });
        const row = answer.callId ? await rowOf(answer.callId) : undefined;
        if (row) change(at, which, { cost: Number(row.spend), running: false });
      } catch (error) {
        change(at, which, aborting.signal.aborted ? { running: false } : { error: told(error), running: false });
      }
    }));
  };
  const setModel = (at: number, to: string) => setModels(models.map((one, place) => (place === at ? to : one)));
  const options = known.map((one): [string, string] => [one, one]);
  return (
    <div class="playground">
      <Head title="Playground">
        {turns.length > 0 && <Button icon="trash" onClick={() => { running.current?.abort(); setTurns([]); }}>Clear</Button>}
        <Button icon="settings" pressed={settings} onClick={() => setSettings(!settings)}>Settings</Button>
        <Button icon="plus" disabled={models.length >= MOST || known.length === 0} onClick={() => { setModels([...models, known.find((one) => !models.includes(one)) ?? known[0]!]); setTurns([]); }}>
          Compare
        </Button>
      </Head>
      {settings && (
        <div class="playground-settings">
          <Area label="System prompt" rows={2} value={system} onChange={setSystem} placeholder="You are a helpful assistant." />
          <div class="field-row">
            <Input label="Temperature" type="number" min="0" step="0.1" value={temperature} onChange={setTemperature} placeholder="the model's" />
            <Input label="Most tokens" type="number" min="1" value={most} onChange={setMost} placeholder="the model's" />
          </div>
        </div>
      )}
      <div class="columns" data-count={models.length}>
        {models.map((model, at) => (
          <section key={at} class="column" aria-label={`Model ${at + 1}`}>
            <header>
              <Select bare label={`Model ${at + 1}`} value={model} onChange={(to) => setModel(at, to)} options={options} />
              {models.length > 1 && <Button look="quiet" small icon="close" label={`Take ${model} away`} disabled={isRunning} onClick={() => { setModels(models.filter((_, place) => place !== at)); setTurns(turns.map((turn) => ({ ...turn, answers: turn.answers.filter((_, place) => place !== at) }))); }} />}
            </header>
            <div class="talk" tabIndex={0} role="log" aria-label={`Conversation with ${model}`} aria-busy={isRunning}>
              {turns.length === 0 && <Empty icon="playground" title="Say something">{models.length > 1 ? "All models get the same words." : "Compare puts other models beside this one."}</Empty>}
              {turns.map((turn, number) => (
                <div class="turn" key={number}>
                  <p class="said">{turn.said}</p>
                  <Answer of={turn.answers[at]} />
                </div>
              ))}
              <div ref={end} />
            </div>
          </section>
        ))}
      </div>
      <form class="ask" onSubmit={(event) => { event.preventDefault(); void ask(); }}>
        <textarea
          rows={2}
          value={said}
          data-search
          placeholder="Message"
          aria-label="Message"
          onInput={(event) => setSaid(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
              event.preventDefault();
              void ask();
            }
          }}
        />
        {isRunning ? (
          <Button icon="stop" onClick={() => running.current?.abort()}>Stop</Button>
        ) : (
          <Button look="primary" type="submit" disabled={!said.trim() || models.length === 0}>Send</Button>
        )}
      </form>
    </div>
  );
}

function conversation(system: string, turns: Turn[], model: number, words: string): Message[] {
  const before = turns.flatMap((turn): Message[] => {
    const answer = turn.answers[model]?.text;
    return answer ? [{ role: "user", content: turn.said }, { role: "assistant", content: answer }] : [];
  });
  const first: Message[] = system.trim() ? [{ role: "system", content: system }] : [];
  return [...first, ...before, { role: "user", content: words }];
}

function Answer({ of }: { of: Turn["answers"][number] | undefined }) {
  if (!of) return null;
  const tokens = of.usage?.completion_tokens as number | undefined;
  return (
    <div class="answer">
      {of.thinking && <details class="thinking"><summary>Thinking</summary>{of.thinking}</details>}
      {of.text && <div class="words">{of.text}</div>}
      {of.running && <span class="typing" aria-label="Answering"><i /><i /><i /></span>}
      {of.error && <Problem>{of.error}</Problem>}
      {of.took !== undefined && !of.error && (
        <p class="measured">
          <span title="Time to the first token"><Icon name="bolt" size={12} />{millis(of.first)}</span>
          <span title="Time to the end"><Icon name="clock" size={12} />{millis(of.took)}</span>
          {tokens !== undefined && <span title={`${number(of.usage?.prompt_tokens)} tokens of the prompt, ${number(tokens)} of the answer`}>{number(tokens)} tokens</span>}
          {of.cost !== undefined && <span data-cost>{money(of.cost)}</span>}
          {of.callId && !of.running && <a href={href(`logs/${encodeURIComponent(of.callId)}`)}>Log</a>}
        </p>
      )}
    </div>
  );
}
