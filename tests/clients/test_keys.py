"""Virtual keys in the hands of real clients: made over HTTP, used until their budget is spent, and looked at."""

import json
import time
import urllib.error
import urllib.request

import anthropic
import litellm
import openai
import pytest
import requests
from conftest import KEY, Server
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from litellm.proxy.client import Client
from litellm.proxy.client.exceptions import UnauthorizedError
from litellm.proxy.client.users import UsersManagementClient

litellm.telemetry = False

# A token of a prompt costs a dollar in a million, one of an answer four.
CONFIG = f"""
model_list:
  - model_name: one
    litellm_params: {{model: mock/echo, input_cost_per_token: 0.000001, output_cost_per_token: 0.000004}}
  - model_name: two
    litellm_params: {{model: mock/echo}}
general_settings:
  master_key: {KEY}
"""

# Too little for any call.
NOTHING = 0.00000001


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("managed"), CONFIG)
    yield server
    server.stop()


def manage(server, path, body=None, key=KEY):
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(server.url + path, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def new_key(managed):
    return lambda **fields: manage(managed, "/key/generate", fields)["key"]


def spend(server, key):
    return manage(server, f"/key/info?key={key}")["info"]["spend"]


def wait_for_spend(server, key, expected):
    """What a call cost is in the database a moment later."""
    deadline = time.monotonic() + 20
    while abs(spend(server, key) - expected) > 1e-12:
        assert time.monotonic() < deadline, (spend(server, key), expected)
        time.sleep(0.05)


def user(text):
    return [{"role": "user", "content": text}]


def cost(prompt, answer):
    return prompt * 0.000001 + answer * 0.000004


def of_openai(server, key):
    return openai.OpenAI(api_key=key, base_url=server.url + "/v1", max_retries=0)


def of_anthropic(server, key):
    return anthropic.Anthropic(api_key=key, base_url=server.url, max_retries=0)


def test_openai_spends_from_a_key(managed, new_key):
    key = new_key(key_alias="of-openai", models=["one"], max_budget=1)
    client = of_openai(managed, key)
    whole = client.chat.completions.create(model="one", messages=user("hello key"))
    assert "hello key" in whole.choices[0].message.content
    expected = cost(whole.usage.prompt_tokens, whole.usage.completion_tokens)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="one", messages=user("one two three"), **options))
    assert "one two three" in "".join(part.delta.content or "" for chunk in chunks for part in chunk.choices)
    usage = chunks[-1].usage
    expected += cost(usage.prompt_tokens, usage.completion_tokens)
    wait_for_spend(managed, key, expected)
    answer = client.responses.create(model="one", input="hello responses")
    wait_for_spend(managed, key, expected + cost(answer.usage.input_tokens, answer.usage.output_tokens))
    assert [model.id for model in client.models.list()] == ["one"]


def test_a_stream_that_does_not_tell_its_usage_is_paid_too(managed, new_key):
    key = new_key()
    client = of_openai(managed, key)
    usage = client.chat.completions.create(model="one", messages=user("hello")).usage
    each = cost(usage.prompt_tokens, usage.completion_tokens)
    wait_for_spend(managed, key, each)
    for _ in client.chat.completions.create(model="one", messages=user("hello"), stream=True):
        pass
    wait_for_spend(managed, key, 2 * each)


def test_anthropic_spends_from_a_key(managed, new_key):
    key = new_key(key_alias="of-anthropic", max_budget=1)
    client = of_anthropic(managed, key)
    whole = client.messages.create(model="one", max_tokens=100, messages=user("hello key"))
    expected = cost(whole.usage.input_tokens, whole.usage.output_tokens)
    with client.messages.stream(model="one", max_tokens=100, messages=user("one two three")) as stream:
        assert "one two three" in "".join(stream.text_stream)
        usage = stream.get_final_message().usage
    wait_for_spend(managed, key, expected + cost(usage.input_tokens, usage.output_tokens))


@pytest.mark.parametrize("stream", [False, True])
def test_openai_is_told_that_the_budget_is_spent(managed, new_key, stream):
    client = of_openai(managed, new_key(max_budget=NOTHING))
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.chat.completions.create(model="one", messages=user("hello"), stream=stream)
    error = refused.value
    assert (error.status_code, error.type, error.code) == (422, "budget_exceeded", "422")
    assert "Budget has been exceeded!" in error.message and "Max budget: 0.00000001" in error.message


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_is_told_that_the_budget_is_spent(managed, new_key, stream):
    client = of_anthropic(managed, new_key(max_budget=NOTHING))
    with pytest.raises(anthropic.UnprocessableEntityError) as refused:
        client.messages.create(model="one", max_tokens=100, messages=user("hello"), stream=stream)
    assert refused.value.status_code == 422
    assert "Budget has been exceeded!" in refused.value.message


def test_clients_are_told_what_a_key_may_not(managed, new_key):
    key = new_key(models=["two"])
    with pytest.raises(openai.PermissionDeniedError) as refused:
        of_openai(managed, key).chat.completions.create(model="one", messages=user("hello"))
    assert refused.value.type == "key_model_access_denied", refused.value.body
    with pytest.raises(anthropic.PermissionDeniedError):
        of_anthropic(managed, key).messages.create(model="one", max_tokens=100, messages=user("hello"))
    for strange in ["sk-nobody-has-this-one", ""]:
        with pytest.raises(openai.AuthenticationError):
            of_openai(managed, strange or "none").chat.completions.create(model="one", messages=user("hello"))
        with pytest.raises(anthropic.AuthenticationError):
            of_anthropic(managed, strange or "none").messages.create(model="one", max_tokens=9, messages=user("hi"))
    manage(managed, "/key/block", {"key": key})
    with pytest.raises(openai.AuthenticationError) as refused:
        of_openai(managed, key).chat.completions.create(model="two", messages=user("hello"))
    assert "blocked" in refused.value.message.lower()


def test_a_limit_of_requests_is_a_rate_limit_error(managed, new_key):
    key = new_key(rpm_limit=2)
    client = of_openai(managed, key)
    for _ in range(2):
        client.chat.completions.create(model="two", messages=user("hello"))
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="two", messages=user("hello"))
    assert int(refused.value.response.headers["retry-after"]) in range(1, 61)
    assert "Rate limit exceeded" in refused.value.message
    with pytest.raises(anthropic.RateLimitError):
        of_anthropic(managed, key).messages.create(model="two", max_tokens=9, messages=user("hello"))


def test_langchain_spends_from_a_key(managed, new_key):
    key = new_key(max_budget=1)
    model = ChatOpenAI(model="one", api_key=key, base_url=managed.url + "/v1", max_retries=0)
    answer = model.invoke("hello chain")
    usage = answer.usage_metadata
    wait_for_spend(managed, key, cost(usage["input_tokens"], usage["output_tokens"]))
    for _ in model.stream("one two three"):
        pass
    spent = new_key(max_budget=NOTHING)
    model = ChatOpenAI(model="one", api_key=spent, base_url=managed.url + "/v1", max_retries=0)
    with pytest.raises(openai.UnprocessableEntityError):
        model.invoke("hello")
    model = ChatAnthropic(model="one", api_key=spent, base_url=managed.url, max_retries=0, max_tokens=100)
    with pytest.raises(anthropic.UnprocessableEntityError):
        model.invoke("hello")


def test_litellm_spends_from_a_key(managed, new_key):
    key = new_key(max_budget=1)
    ask = {"model": "litellm_proxy/one", "api_base": managed.url + "/v1", "num_retries": 0}
    usage = litellm.completion(messages=user("hello lite"), api_key=key, **ask).usage
    wait_for_spend(managed, key, cost(usage.prompt_tokens, usage.completion_tokens))
    # LiteLLM's SDK has no class for a status of 422.
    with pytest.raises(litellm.BadRequestError) as refused:
        litellm.completion(messages=user("hello"), api_key=new_key(max_budget=NOTHING), **ask)
    assert "Budget has been exceeded!" in str(refused.value)


def test_the_client_of_litellms_proxy_manages_keys(managed):
    client = Client(base_url=managed.url, api_key=KEY)
    made = client.keys.generate(models=["one"], key_alias="of-its-client", duration="1h")
    key, token = made["key"], made["token"]
    assert client.keys.info(key)["info"]["key_alias"] == "of-its-client"
    assert client.keys.info(token)["info"]["models"] == ["one"]
    assert token in client.keys.list(key_alias="of-its-client")["keys"]
    full = client.keys.list(key_alias="of-its-client", return_full_object=True, size=10)
    assert full["total_count"] == 1 and full["keys"][0]["token"] == token

    own = Client(base_url=managed.url, api_key=key)
    answer = own.chat.completions(model="one", messages=user("hello client"))
    assert "hello client" in answer["choices"][0]["message"]["content"]
    with pytest.raises(requests.exceptions.HTTPError) as refused:
        own.chat.completions(model="two", messages=user("hello"))
    assert refused.value.response.status_code == 403
    assert [model["id"] for model in own.models.list()] == ["one"]
    assert [model["model_name"] for model in own.models.info()] == ["one"]

    client.keys.update(key, models=["two"])
    assert own.chat.completions(model="two", messages=user("hello"))["model"] == "two"
    assert client.keys.delete(keys=[key])["deleted_keys"] == [key]
    with pytest.raises(UnauthorizedError):
        own.chat.completions(model="two", messages=user("hello"))
    with pytest.raises(UnauthorizedError):
        Client(base_url=managed.url, api_key="sk-nobody-has-this-one").keys.list()


def test_the_client_of_litellms_proxy_sees_teams_users_and_models(managed):
    client, users = Client(base_url=managed.url, api_key=KEY), UsersManagementClient(managed.url, KEY)
    manage(managed, "/team/new", {"team_id": "red", "team_alias": "Red"})
    assert [team["team_alias"] for team in client.teams.list()] == ["Red"]
    assert client.teams.list_v2(team_alias="Re")["teams"][0]["team_id"] == "red"
    assert client.teams.get_available() == []
    made = users.create_user({"user_email": "mia@example.com", "user_role": "internal_user"})
    assert users.get_user(made["user_id"])["user_info"]["user_email"] == "mia@example.com"
    assert made["user_id"] in [one["user_id"] for one in users.list_users()]
    users.delete_user([made["user_id"]])
    assert made["user_id"] not in [one["user_id"] for one in users.list_users()]

    client.models.new(model_name="three", model_params={"model": "mock/echo"}, model_info={"id": "three-1"})
    assert "three" in [model["id"] for model in client.models.list()]
    answer = client.chat.completions(model="three", messages=user("hello three"))
    assert "hello three" in answer["choices"][0]["message"]["content"]
    client.models.delete("three-1")
    assert "three" not in [model["id"] for model in client.models.list()]
    groups = {group["model_group"]: group for group in client.model_groups.info()}
    assert set(groups) == {"one", "two"}
    assert groups["one"]["providers"] == ["mock"] and groups["one"]["output_cost_per_token"] == 0.000004
