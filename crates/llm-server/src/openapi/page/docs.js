// Shows the document of this gateway and sends requests to it. No library, no storage: the key lives in this page alone.

const root = new URL(document.body.dataset.root, location.href);
const place = (id) => document.getElementById(id);

/** An element with properties and children; `class` and attributes with dashes are set as attributes. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'class' || key.includes('-') || key === 'for') element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ''));
  return element;
}

let api;
let operations = [];

async function begin() {
  const answer = await fetch(new URL('openapi.json', root));
  if (!answer.ok) throw new Error(`the document is not served (${answer.status})`);
  api = await answer.json();
  place('title').textContent = api.info.title;
  place('version').textContent = api.info.version;
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = operation.tags?.[0] ?? 'Other';
      const words = `${method} ${path} ${operation.summary} ${tag}`.toLowerCase();
      operations.push({ method, path, operation, tag, words, id: operation.operationId });
    }
  }
  list('');
  place('search').addEventListener('input', (event) => list(event.target.value));
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    event.preventDefault();
    place('search').focus();
  });
  addEventListener('hashchange', show);
  show();
}

/** The operations that have all words, in groups. */
function list(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = operations.filter((one) => wanted.every((word) => one.words.includes(word)));
  const groups = Map.groupBy ? Map.groupBy(found, (one) => one.tag) : grouped(found);
  const chosen = location.hash.slice(1);
  const blocks = [...groups].sort(([one], [other]) => one.localeCompare(other)).map(([tag, ones]) =>
    make('details', { open: wanted.length > 0 || tag === 'Chat' || ones.some((one) => one.id === chosen) },
      make('summary', {}, `${tag} `, make('span', { class: 'faint' }, String(ones.length))),
      ones.map((one) => make('a', { href: `#${one.id}`, title: one.operation.summary, 'data-id': one.id },
        make('span', { class: `method ${one.method}` }, one.method), make('span', { class: 'path' }, one.path)))));
  place('list').replaceChildren(...blocks);
  place('found').textContent = `${found.length} of ${operations.length} operations`;
  mark();
}

function grouped(found) {
  const groups = new Map();
  for (const one of found) groups.set(one.tag, [...(groups.get(one.tag) ?? []), one]);
  return groups;
}

function mark() {
  for (const link of place('list').querySelectorAll('a')) {
    if (link.dataset.id === location.hash.slice(1)) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function show() {
  const one = operations.find((one) => one.id === location.hash.slice(1));
  mark();
  place('main').replaceChildren(...(one ? page(one) : welcome()));
  document.title = one ? `${one.method.toUpperCase()} ${one.path}` : 'API of this gateway';
  if (one) place('main').focus({ preventScroll: true });
  place('main').scrollTop = 0;
}

function welcome() {
  const try_ = operations.find((one) => one.path === '/v1/chat/completions');
  return [
    make('h2', {}, 'What this gateway serves'),
    make('p', {}, ...words(api.info.description)),
    make('p', {}, 'Point the SDK that you know at ', make('code', {}, root.href.replace(/\/$/, '')),
      '. Put a key in above to try things here; it stays in this page and is forgotten with it.'),
    make('p', {}, make('a', { href: `#${try_?.id ?? ''}` }, 'Try a chat'), ' with the built-in model ', make('code', {}, 'mock/echo'), '.'),
  ];
}

/** What a schema says, with references followed. */
function follow(schema) {
  const name = schema?.$ref?.split('/').pop();
  const known = name ? { ...api.components.schemas[name], name } : schema ?? {};
  return known.allOf ? together(known) : known;
}

function together(schema) {
  const parts = [schema, ...schema.allOf.map(follow)];
  const properties = Object.assign({}, ...parts.map((part) => part.properties));
  return { type: 'object', name: parts.find((part) => part.name)?.name, properties, required: parts.flatMap((part) => part.required ?? []) };
}

/** A type in a few letters. */
function typed(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.anyOf) return schema.anyOf.map(typed).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.contentMediaType) return 'file';
  const names = [schema.type ?? 'any'].flat();
  return names.map((name) => (name === 'array' && schema.items ? `[${typed(schema.items)}]` : name)).join(' | ');
}

/** A text with code between backticks. */
function words(text = '') {
  return text.split('`').map((part, at) => (at % 2 ? make('code', {}, part) : part));
}

function fields(schema, seen = []) {
  const known = follow(schema);
  if (!known.properties) return make('p', { class: 'faint' }, typed(schema));
  const needed = ([name]) => (known.required?.includes(name) ? 0 : 1);
  const rows = Object.entries(known.properties).sort((one, other) => needed(one) - needed(other)).map(([name, field]) => {
    const inner = [field, field.items, ...(field.anyOf ?? []).flatMap((one) => [one, one.items])].find((one) => one?.$ref);
    const target = inner?.$ref.split('/').pop();
    return make('tr', {},
      make('td', {}, name, known.required?.includes(name) ? make('span', { class: 'needed', title: 'required' }, ' *') : ''),
      make('td', {}, make('span', { class: 'type' }, typed(field)), ' ', ...words(field.description),
        target && !seen.includes(target) ? make('details', { class: 'type' }, make('summary', {}, target), fields(inner, [...seen, target])) : ''));
  });
  return make('table', {}, make('tbody', {}, rows));
}

/** One operation: what it is, what it takes, what it gives, and a form to try it. */
function page(one) {
  const { method, path, operation } = one;
  const body = Object.entries(operation.requestBody?.content ?? {})[0];
  const answers = Object.entries(operation.responses).flatMap(([status, answer]) =>
    Object.entries(answer.content ?? { '': {} }).map(([kind, content]) =>
      make('details', { class: 'type' },
        make('summary', {}, make('code', {}, status), ` ${answer.description} `, make('span', { class: 'faint' }, kind)),
        content.schema ? fields(content.schema) : '')));
  return [
    make('h2', {}, make('span', { class: `method ${method}` }, method), ' ', make('span', { class: 'path' }, path)),
    make('p', {}, ...words(operation.summary), operation.security?.length === 0 ? make('span', { class: 'faint' }, ' Needs no key.') : ''),
    attempt(one, body),
    body ? make('h3', {}, 'Body ', make('span', { class: 'faint' }, body[0])) : '',
    body ? fields(body[1].schema) : '',
    make('h3', {}, 'Answers'), ...answers,
  ].filter(Boolean);
}

function attempt({ method, path, operation }, body) {
  const parameters = operation.parameters ?? [];
  const inputs = new Map(parameters.map((parameter) => [parameter, make('input', {
    value: parameter.example ?? '', 'aria-label': parameter.name, spellcheck: false, oninput: refresh,
  })]));
  const example = JSON.stringify(body?.[1].example ?? {}, null, 2);
  const isForm = body?.[0] === 'multipart/form-data';
  const text = body && !isForm ? make('textarea', { value: example, rows: example.split('\n').length + 1, spellcheck: false, 'aria-label': 'Body', oninput: refresh }) : undefined;
  const form = isForm ? formOf(body[1].schema) : undefined;
  const command = make('pre', { 'aria-label': 'As a command' });
  const outcome = make('div', { 'aria-live': 'polite' });
  const send = make('button', { class: 'main', type: 'button', onclick: () => run() }, 'Send');
  let under;

  function address() {
    let target = path;
    const query = new URLSearchParams();
    for (const [parameter, input] of inputs) {
      if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, input.value.split('/').map(encodeURIComponent).join('/'));
      else if (input.value !== '') query.set(parameter.name, input.value);
    }
    return new URL(target.replace(/^\//, '') + (query.size ? `?${query}` : ''), root);
  }

  function refresh() {
    const quoted = (part) => `'${part.replaceAll("'", "'\\''")}'`;
    const parts = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${quoted(address().href)}`];
    if (operation.security?.length !== 0) parts.push('-H "Authorization: Bearer $LLM_KEY"');
    if (text) parts.push("-H 'Content-Type: application/json'", `-d ${quoted(text.value)}`);
    if (form) for (const [name, input] of form.inputs) if (input.value) parts.push(`-F ${quoted(input.type === 'file' ? `${name}=@${input.files[0]?.name ?? ''}` : `${name}=${input.value}`)}`);
    command.textContent = parts.join(' \\\n  ');
  }

  async function run() {
    if (under) return under.abort();
    under = new AbortController();
    send.textContent = 'Stop';
    const headers = {};
    if (place('key').value) headers.Authorization = `Bearer ${place('key').value.trim()}`;
    if (text) headers['Content-Type'] = 'application/json';
    const started = performance.now();
    try {
      const answer = await fetch(address(), { method: method.toUpperCase(), headers, body: text?.value ?? form?.filled(), signal: under.signal });
      await told(answer, started, outcome);
    } catch (error) {
      outcome.replaceChildren(make('p', { class: 'bad' }, error.name === 'AbortError' ? 'Stopped.' : `Not answered: ${error.message}`));
    }
    under = undefined;
    send.textContent = 'Send';
  }

  if (form) for (const [, input] of form.inputs) input.addEventListener('input', refresh);
  refresh();
  return make('section', { 'aria-label': 'Try it' },
    inputs.size ? make('h3', {}, 'Parameters') : '',
    inputs.size ? make('table', {}, make('tbody', {}, [...inputs].map(([parameter, input]) => make('tr', {},
      make('td', {}, parameter.name, parameter.required ? make('span', { class: 'needed', title: 'required' }, ' *') : ''),
      make('td', {}, make('span', { class: 'type' }, typed(parameter.schema)), ' ', ...words(parameter.description)), make('td', {}, input))))) : '',
    make('h3', {}, 'Try it'), text ?? '', form?.table ?? '', make('div', { class: 'row' }, send,
      make('button', { type: 'button', onclick: () => navigator.clipboard?.writeText(command.textContent) }, 'Copy as curl')), command, outcome);
}

/** The fields of a form, and what is filled in. */
function formOf(schema) {
  const known = follow(schema);
  const inputs = Object.entries(known.properties ?? {}).map(([name, field]) =>
    [name, make('input', { type: field.contentMediaType ? 'file' : 'text', value: name === 'model' ? 'mock/echo' : '', 'aria-label': name })]);
  const table = make('table', {}, make('tbody', {}, inputs.map(([name, input]) => make('tr', {}, make('td', {}, name), make('td', {}, input)))));
  const filled = () => {
    const data = new FormData();
    for (const [name, input] of inputs) {
      if (input.type === 'file' ? input.files[0] : input.value) data.set(name, input.type === 'file' ? input.files[0] : input.value);
    }
    return data;
  };
  return { inputs, table, filled };
}

/** An answer as it comes. */
async function told(answer, started, outcome) {
  const kind = answer.headers.get('content-type') ?? '';
  const state = make('p', { class: answer.ok ? 'good' : 'bad' }, `${answer.status} ${answer.statusText}`);
  const text = make('pre', { tabIndex: 0, 'aria-label': 'Answer' });
  const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  outcome.replaceChildren(state, text, make('details', { class: 'type' }, make('summary', {}, 'Headers'), make('pre', {}, heads)));
  if (/^(audio|image|application\/(octet|vnd))/.test(kind)) {
    const bytes = await answer.blob();
    text.textContent = `${bytes.size} bytes of ${kind}`;
  } else {
    let whole = '';
    const letters = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece; letters && !(piece = await letters.read()).done;) {
      whole += piece.value;
      text.textContent = whole;
    }
    if (kind.includes('json') && !kind.includes('ndjson')) {
      try { text.textContent = JSON.stringify(JSON.parse(whole), null, 2); } catch { /* as it came */ }
    }
  }
  state.textContent += ` · ${Math.round(performance.now() - started)} ms`;
}

begin().catch((error) => place('main').replaceChildren(make('p', { class: 'bad' }, error.message)));
