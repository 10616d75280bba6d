// Adding and changing a deployment of the store.

import { useState } from "preact/hooks";
import { call, post, type Row } from "../../lib/api";
import { useModels } from "../../lib/lists";
import { Notice } from "../../parts/basics";
import { FormDialog } from "../../parts/dialog";
import { Area, Input, typed } from "../../parts/form";
import type { Deployment } from "./deployment";

/** Names as vendors' models are written: the vendor stands first. */
const VENDORS = ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "bedrock/anthropic.claude-sonnet-4-5-v1:0", "azure/my-deployment", "vertex_ai/gemini-2.5-pro", "mistral/mistral-large-latest", "groq/llama-3.3-70b-versatile", "openrouter/meta-llama/llama-3.3-70b-instruct", "ollama/llama3.2", "mock/echo"];

export function DeploymentForm({ old, name: given, onClose, onDone }: { old?: Deployment; name?: string; onClose: () => void; onDone: () => void }) {
  const known = useModels();
  const [name, setName] = useState(old?.name ?? given ?? "");
  const [model, setModel] = useState(old ? old.model : "");
  const [key, setKey] = useState("");
  const [base, setBase] = useState<string>(old?.params.api_base ?? "");
  const [rpm, setRpm] = useState("");
  const [tpm, setTpm] = useState("");
  const [input, setInput] = useState("");
  const [output, setOutput] = useState("");
  const [more, setMore] = useState("");
  const save = async () => {
    const params: Row = more.trim() ? JSON.parse(more) : {};
    if (model && model !== old?.model) params.model = model;
    if (key) params.api_key = key;
    if (base && base !== old?.params.api_base) params.api_base = base;
    if (rpm) params.rpm = typed(rpm);
    if (tpm) params.tpm = typed(tpm);
    if (input) params.input_cost_per_token = Number(input) / 1e6;
    if (output) params.output_cost_per_token = Number(output) / 1e6;
    if (old) await call("PATCH", `/model/${encodeURIComponent(old.id)}/update`, { model_name: name, litellm_params: params });
    else await post("/model/new", { model_name: name, litellm_params: params });
    onDone();
  };
  return (
    <FormDialog title={old ? "Change the deployment" : "Add a deployment"} action={old ? "Save" : "Add"} onClose={onClose} save={save} side>
      {!old && <Notice>It is served at once, beside those of the configuration, and stays after a restart. Its parameters are encrypted in the database.</Notice>}
      <Input label="Public name" value={name} onChange={setName} required autofocus list={known} hint="What programs ask for. With the name of another one it shares its calls." />
      <Input label="Vendor's model" value={model} onChange={setModel} required={!old} list={VENDORS} placeholder="openai/gpt-4o" />
      <Input label="Key at the vendor" type="password" value={key} onChange={setKey} placeholder={old ? "as it is" : "sk-… or os.environ/OPENAI_API_KEY"} autocomplete="new-password" />
      <Input label="Address" value={base} onChange={setBase} placeholder="the vendor's own" />
      <div class="field-row">
        <Input label="Requests a minute" type="number" min="0" value={rpm} onChange={setRpm} placeholder={old ? "as it is" : "no limit"} />
        <Input label="Tokens a minute" type="number" min="0" value={tpm} onChange={setTpm} placeholder={old ? "as it is" : "no limit"} />
      </div>
      <div class="field-row">
        <Input label="Price of a million in" type="number" min="0" step="any" unit="$" value={input} onChange={setInput} placeholder="price table" />
        <Input label="Price of a million out" type="number" min="0" step="any" unit="$" value={output} onChange={setOutput} placeholder="price table" />
      </div>
      <Area label="More parameters" mono rows={3} value={more} onChange={setMore} placeholder='{"aws_region_name": "eu-central-1"}' hint="JSON, as in litellm_params of the configuration." />
    </FormDialog>
  );
}
