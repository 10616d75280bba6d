"""Rows of calls as Parquet, read by Arrow's reader: every cell is what the same export says as JSON lines."""

import datetime
import decimal
import io
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pyarrow
import pyarrow.parquet
import pytest
from conftest import KEY, Server

CONFIG = f"""
model_list:
  - model_name: priced
    litellm_params: {{model: mock/echo, input_cost_per_token: 0.000000001, output_cost_per_token: 0.000000003}}
  - model_name: broken
    litellm_params: {{model: mock/error-500}}
router_settings: {{num_retries: 0}}
general_settings: {{master_key: {KEY}}}
"""

MOMENT = pyarrow.timestamp("us", tz="UTC")
MONEY = pyarrow.decimal128(18, 9)
TEXT, JSON, COUNT, SMALL, FLAG = pyarrow.string(), pyarrow.json_(), pyarrow.int64(), pyarrow.int32(), pyarrow.bool_()
# Texts that rows need not have, and those that each has.
SOME = ["vendor_id", "key", "key_alias", "user_id", "team_id", "team_alias", "organization_id", "customer", "session_id",
        "ip", "user_agent", "error"]
EACH = ["id", "call_type", "dialect", "model", "model_group", "deployment", "upstream_model", "provider", "ending",
        "api_base"]
OBJECTS = ["tags", "usage", "prices", "charges", "metadata", "trail"]
OTHERS = {
    "started": MOMENT, "cost": MONEY, "took_micros": COUNT, "prompt_tokens": COUNT, "completion_tokens": COUNT,
    "attempts": SMALL, "fallbacks": SMALL, "status": SMALL, "estimated": FLAG, "cache_hit": FLAG, "stream": FLAG,
}
TYPES = {**dict.fromkeys(EACH + SOME, TEXT), **dict.fromkeys(OBJECTS, JSON), **OTHERS, "first_content_micros": COUNT}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

# With them a row has 32 KiB, so that a few hundred rows are several groups.
LONG_TAGS = [f"{number:02}" + '"' * 254 for number in range(64)]
MANY = 600


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("exports"), CONFIG)
    yield server
    server.stop()


def ask(server, path, body=None, key=KEY, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
    request = urllib.request.Request(server.url + path, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.headers, error.read()


def call(server, model="priced", text="one", key=KEY, headers=None, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    ask(server, "/v1/chat/completions", body, key, **(headers or {}))


def exported(server, count, query=""):
    """The rows as JSON lines, when there are so many, and the answer with the same rows as Parquet."""
    deadline = time.monotonic() + 60
    while True:
        _, lines = ask(server, f"/spend/logs/export?format=jsonl{query}")
        rows = [json.loads(line) for line in lines.splitlines()]
        if len(rows) == count:
            return rows, ask(server, f"/spend/logs/export?format=parquet{query}")
        assert len(rows) < count and time.monotonic() < deadline, len(rows)
        time.sleep(0.1)


def cell(name, value):
    """What a reader of Parquet must give for a member of a row."""
    if name == "started":
        return EPOCH + datetime.timedelta(microseconds=value)
    if name == "cost":
        return decimal.Decimal(value).scaleb(-9)
    return value


def compare(file, rows):
    table = pyarrow.parquet.read_table(io.BytesIO(file))
    assert table.num_rows == len(rows)
    assert {field.name: field.type for field in table.schema} == TYPES
    assert {field.name for field in table.schema if field.nullable} == {*SOME, "first_content_micros"}
    for name in table.column_names:
        read = table[name].to_pylist()
        if name in OBJECTS:
            read = [json.loads(text) for text in read]
        assert read == [cell(name, row[name]) for row in rows], name
    return table


def test_every_cell_is_what_the_row_says(server):
    _, made = ask(server, "/team/new", {"team_alias": "Ünïted 🚀"})
    team = json.loads(made)["team_id"]
    terms = {"key_alias": "Schlüssel \"eins\"", "team_id": team, "user_id": "dæmon", "metadata": {"tags": ["von-Schlüssel"]}}
    _, made = ask(server, "/key/generate", terms)
    key = json.loads(made)["key"]
    call(server, text="zwölf Boxkämpfer", key=key, user="=cmd(), \"naïve\"\n" + "語" * 80,
         metadata={"tags": ["a,b", "\"quoted\"", "日本"], "session_id": "séance"}, headers={"user-agent": "=1+1"})
    call(server)
    call(server, stream=True, stream_options={"include_usage": True})
    call(server, model="broken")
    rows, (headers, file) = exported(server, 4)
    assert headers["content-type"] == "application/vnd.apache.parquet"
    assert 'filename="calls.parquet"' in headers["content-disposition"]
    table = compare(file, rows)
    first, last = table.slice(0, 1).to_pylist()[0], table.slice(3, 1).to_pylist()[0]
    assert first["customer"].startswith("=cmd(), \"naïve\"\n語") and first["user_agent"] == "=1+1"
    assert (first["team_alias"], first["key_alias"]) == ("Ünïted 🚀", "Schlüssel \"eins\"")
    assert {"a,b", "\"quoted\"", "日本", "von-Schlüssel"} == set(json.loads(first["tags"]))
    assert 0 < first["cost"] < decimal.Decimal("0.000001") and first["error"] is None
    assert last["key_alias"] is None and last["customer"] is None and last["status"] == 500 and last["error"]
    now = datetime.datetime.now(datetime.timezone.utc)
    assert now - datetime.timedelta(minutes=2) < first["started"] < now


def test_the_schema_has_types_for_old_and_new_readers(server):
    rows, (_, file) = exported(server, 0, "&start_date=2100-01-01")
    assert rows == [] and file.startswith(b"PAR1")
    compare(file, [])
    file = pyarrow.parquet.ParquetFile(io.BytesIO(file))
    columns = {column.name: column for column in (file.schema.column(at) for at in range(len(file.schema)))}
    kinds = {name: (str(column.logical_type), column.converted_type) for name, column in columns.items()}
    assert kinds["id"] == ("String", "UTF8") and kinds["tags"] == kinds["usage"] == ("JSON", "JSON")
    assert kinds["cost"] == ("Decimal(precision=18, scale=9)", "DECIMAL")
    assert kinds["started"][0].startswith("Timestamp(isAdjustedToUTC=true, timeUnit=microseconds")
    assert kinds["started"][1] == "TIMESTAMP_MICROS" and kinds["attempts"] == ("None", "NONE")
    physical = {name: column.physical_type for name, column in columns.items()}
    assert (physical["cost"], physical["status"], physical["estimated"]) == ("INT64", "INT32", "BOOLEAN")
    assert file.metadata.num_rows == file.metadata.num_row_groups == 0
    assert file.metadata.created_by.startswith("llm-server version ")


def test_many_rows_come_in_groups(server):
    before = len(exported(server, 4)[0])
    # Some have a customer and some have none, so that groups have cells without values in their middle.
    with ThreadPoolExecutor(8) as pool:
        for number in range(MANY):
            fields = {"user": f"customer-{number}"} if number % 3 == 0 else {}
            pool.submit(call, server, text=f"call {number}", tags=LONG_TAGS, **fields)
    rows, (_, file) = exported(server, before + MANY)
    compare(file, rows)
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(file)).metadata
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    assert len(groups) >= 3 and sum(group.num_rows for group in groups) == len(rows)
    assert all(group.total_byte_size < 9 << 20 for group in groups), "a group is bounded"
    customer = next(at for at in range(metadata.num_columns) if groups[0].column(at).path_in_schema == "customer")
    nulls = sum(group.column(customer).statistics.null_count for group in groups)
    assert nulls == sum(row["customer"] is None for row in rows)
