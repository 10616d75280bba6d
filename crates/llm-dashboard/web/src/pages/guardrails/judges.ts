// The judges that there are, in the words of the configuration, with parameters to begin with.

export interface Judge {
  name: string;
  about: string;
  /** A service is asked: it has an address and a key. */
  service?: boolean;
  /** What cannot be left out, or is most often wanted. */
  begin?: Record<string, unknown>;
}

export const JUDGES: Judge[] = [
  { name: "hide-secrets", about: "keys, tokens and passwords" },
  { name: "pii", about: "personal data", begin: { pii_entities_config: { EMAIL_ADDRESS: "MASK", CREDIT_CARD: "BLOCK" } } },
  { name: "prompt_injection", about: "attempts to talk a model out of its instructions" },
  { name: "banned_keywords", about: "words of a list", begin: { keywords: ["forbidden"] } },
  { name: "litellm_content_filter", about: "patterns, words and lists of phrases", begin: { blocked_words: [{ keyword: "forbidden", action: "BLOCK" }] } },
  { name: "regex", about: "patterns of your own", begin: { patterns: [{ name: "ticket", pattern: "TICKET-[0-9]+" }] } },
  { name: "length", about: "texts that are too long or too short", begin: { max_characters: 20000 } },
  { name: "language", about: "texts in other languages than may be used", begin: { languages: ["en"] } },
  { name: "json_schema", about: "answers that are not JSON of a shape", begin: { schema: { type: "object" } } },
  { name: "tool_allow_list", about: "tools that may not be used", begin: { tools: ["get_*"] } },
  { name: "generic_guardrail_api", about: "a service of your own", service: true },
  { name: "presidio", about: "a Presidio analyzer", service: true },
  { name: "lakera_v2", about: "Lakera Guard", service: true },
  { name: "azure/text_moderations", about: "Azure AI Content Safety", service: true },
  { name: "azure/prompt_shield", about: "Azure's eye for attacks", service: true },
  { name: "openai_moderation", about: "OpenAI's moderation", service: true },
  { name: "bedrock", about: "a guardrail at AWS", begin: { guardrailIdentifier: "", guardrailVersion: "DRAFT", aws_region_name: "eu-central-1" } },
];

export const MODES: [string, string][] = [
  ["pre_call", "at requests, before the vendor gets them"],
  ["during_call", "at requests, while the vendor works"],
  ["post_call", "at answers, before the client gets them"],
  ["logging_only", "at what is written down of calls"],
];

/** Where a service's address stands among its parameters. */
export function addressOf(judge: string): string {
  return judge === "presidio" ? "presidio_analyzer_api_base" : "api_base";
}
