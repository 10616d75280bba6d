// Clients from npm against the built gateway: `openai`, and the AI SDK with its providers. Started by test_node.py, which
// says where the gateway is (GATEWAY_URL, GATEWAY_KEY) and which dialects its vendors speak (DIALECTS).
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { z } from "zod";

const url = process.env.GATEWAY_URL;
const key = process.env.GATEWAY_KEY;
const dialects = process.env.DIALECTS.split(",");

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const chat = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
const providers = {
  "openai": (model) => chat.chat(model),
  "openai responses": (model) => chat(model),
  "anthropic": (model) => anthropic(model),
};
const weather = () => ({
  description: "The weather of a city.",
  inputSchema: z.object({ city: z.string(), days: z.number() }),
});

for (const dialect of dialects) {
  test(`openai: a whole answer from a ${dialect} vendor`, async () => {
    const answer = await openai.chat.completions.create({
      model: `${dialect}-echo`,
      messages: [{ role: "user", content: "hello from node" }],
    });
    assert.match(answer.choices[0].message.content, /hello from node/);
    assert.equal(answer.model, `${dialect}-echo`);
    assert.ok(answer.usage.total_tokens > 0);
  });

  test(`openai: a streamed answer from a ${dialect} vendor`, async () => {
    const stream = await openai.chat.completions.create({
      model: `${dialect}-echo`,
      messages: [{ role: "user", content: "hello from node" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.match(text, /hello from node/);
    assert.ok(usage.completion_tokens > 0);
  });

  test(`openai: the Responses API from a ${dialect} vendor`, async () => {
    const answer = await openai.responses.create({ model: `${dialect}-echo`, input: "hello from node" });
    assert.match(answer.output_text, /hello from node/);
  });

  test(`openai: a tool runner with a ${dialect} vendor`, async () => {
    const answer = await openai.chat.completions.create({
      model: `${dialect}-tools`,
      messages: [{ role: "user", content: "weather?" }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            parameters: { type: "object", properties: { city: { type: "string" } } },
          },
        },
      ],
    });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(call.function.name, "get_weather");
    JSON.parse(call.function.arguments);
  });

  for (const [name, provider] of Object.entries(providers)) {
    test(`ai sdk (${name}): whole and streamed text from a ${dialect} vendor`, async () => {
      const model = provider(`${dialect}-echo`);
      const whole = await generateText({ model, prompt: "hello from the sdk", maxRetries: 0 });
      assert.match(whole.text, /hello from the sdk/);
      assert.ok(whole.usage.outputTokens > 0);
      const streamed = streamText({ model, prompt: "hello from the sdk", maxRetries: 0 });
      let text = "";
      for await (const delta of streamed.textStream) text += delta;
      assert.match(text, /hello from the sdk/);
      assert.equal(await streamed.finishReason, "stop");
    });

    test(`ai sdk (${name}): tools from a ${dialect} vendor`, async () => {
      let asked;
      const get_weather = tool({ ...weather(), execute: async (input) => ((asked = input), "sunny") });
      const model = provider(`${dialect}-tools`);
      await generateText({ model, prompt: "weather?", tools: { get_weather }, stopWhen: stepCountIs(1), maxRetries: 0 });
      assert.equal(typeof asked.city, "string");
    });

    // For models that it does not know, the Anthropic provider asks for the object by a tool that must be called, which
    // Ollama's API cannot say: the request is refused.
    const refused = name === "anthropic" && dialect === "ollama";
    test(`ai sdk (${name}): an object after a schema from a ${dialect} vendor`, { skip: refused }, async () => {
      const model = provider(`${dialect}-json`);
      const { object } = await generateObject({
        model,
        schema: z.object({ city: z.string(), days: z.number() }),
        prompt: "weather?",
        maxRetries: 0,
      });
      assert.equal(typeof object.city, "string");
    });
  }

  test(`openai: an error of a ${dialect} vendor is a typed error`, async () => {
    await assert.rejects(
      openai.chat.completions.create({ model: `${dialect}-error-429`, messages: [{ role: "user", content: "x" }] }),
      OpenAI.RateLimitError,
    );
  });
}

test("openai: a wrong key is an authentication error", async () => {
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});
