// Kinds of callbacks that the database keeps, and what each is made from.

export interface Variable {
  name: string;
  label: string;
  /** It is not shown again. */
  secret?: boolean;
  required?: boolean;
  placeholder?: string;
  hint?: string;
}

export interface Kind {
  name: string;
  about: string;
  variables: Variable[];
}

export const KINDS: Kind[] = [
  {
    name: "generic_api",
    about: "an HTTP address that takes JSON",
    variables: [
      { name: "endpoint", label: "Address", required: true, placeholder: "https://logs.example.com/calls" },
      { name: "headers", label: "Headers", secret: true, placeholder: "authorization=Bearer …", hint: "name=value, between commas." },
    ],
  },
  {
    name: "langfuse",
    about: "Langfuse",
    variables: [
      { name: "langfuse_public_key", label: "Public key", secret: true, required: true, placeholder: "pk-lf-…" },
      { name: "langfuse_secret_key", label: "Secret key", secret: true, required: true, placeholder: "sk-lf-…" },
      { name: "langfuse_host", label: "Address", placeholder: "https://cloud.langfuse.com" },
    ],
  },
  {
    name: "otel",
    about: "a collector of OpenTelemetry",
    variables: [
      { name: "endpoint", label: "Address", required: true, placeholder: "http://collector:4318" },
      { name: "headers", label: "Headers", secret: true, placeholder: "authorization=Bearer …", hint: "name=value, between commas." },
      { name: "service_name", label: "Name of the service", placeholder: "llm-server" },
    ],
  },
  {
    name: "s3_v2",
    about: "a bucket, asked as S3 is",
    variables: [
      { name: "s3_bucket_name", label: "Bucket", required: true },
      { name: "s3_region_name", label: "Region", placeholder: "us-east-1" },
      { name: "s3_path", label: "What names of objects begin with" },
      { name: "s3_endpoint_url", label: "Address of another store", placeholder: "https://…" },
      { name: "s3_aws_access_key_id", label: "Id of the key", secret: true, required: true },
      { name: "s3_aws_secret_access_key", label: "Key", secret: true, required: true },
    ],
  },
];

export const CALLS: [string, string][] = [
  ["success_and_failure", "all calls"],
  ["success", "calls that were answered"],
  ["failure", "calls that failed"],
];

export const FORMATS: [string, string][] = [
  ["json_array", "a list of calls"],
  ["ndjson", "a line for each call"],
  ["single", "a request for each call"],
];
