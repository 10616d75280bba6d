// An answer of a chat model as it comes: words, and what it used.

import { get, send, type Row } from "./api";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Answered {
  text: string;
  thinking: string;
  first: number | null;
  took: number;
  usage: Row | null;
  callId: string | null;
  model: string | null;
}

interface Asked {
  model: string;
  messages: Message[];
  temperature?: number | undefined;
  max_tokens?: number | undefined;
}

/** Asks, and tells what has come so far with every piece. */
export async function chat(asked: Asked, signal: AbortSignal, told: (so: Answered) => void): Promise<Answered> {
  const began = performance.now();
  const answer = await send("POST", "api/v1/chat/completions", { ...asked, stream: true, stream_options: { include_usage: true } }, signal);
  const so: Answered = { text: "", thinking: "", first: null, took: 0, usage: null, callId: answer.headers.get("x-litellm-call-id"), model: answer.headers.get("x-litellm-model-id") };
  for await (const event of events(answer)) {
    if (event.error) throw new Error(event.error.message ?? "the answer broke off");
    const delta = event.choices?.[0]?.delta ?? {};
    if (event.usage) so.usage = event.usage;
    const words = delta.content ?? "";
    const thought = delta.reasoning_content ?? "";
    if ((words || thought) && so.first === null) so.first = performance.now() - began;
    so.text += words;
    so.thinking += thought;
    so.took = performance.now() - began;
    told({ ...so });
  }
  so.took = performance.now() - began;
  return so;
}

async function* events(answer: Response): AsyncGenerator<Row> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
    if (done) return;
  }
}

/** The row of a call, which is booked a moment after its end. */
export async function rowOf(callId: string): Promise<Row | undefined> {
  for (const wait of [250, 500, 1_000, 2_000]) {
    await new Promise((done) => setTimeout(done, wait));
    const rows = await get<Row[]>("/spend/logs", { request_id: callId }).catch(() => []);
    if (rows[0]) return rows[0];
  }
  return undefined;
}
