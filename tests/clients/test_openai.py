"""The PyPI `openai` package in front of vendors of every dialect: chat completions and Responses."""

import openai
import pytest
from conftest import KEY, WEATHER_SCHEMA

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather of a city",
                                            "parameters": WEATHER_SCHEMA}}]
RESPONSES_TOOLS = [{"type": "function", "name": "weather", "description": "Weather of a city",
                    "parameters": WEATHER_SCHEMA, "strict": False}]


@pytest.fixture
def client(gateway):
    return openai.OpenAI(api_key=KEY, base_url=gateway.url + "/v1", max_retries=0)


@pytest.fixture
def azure(gateway):
    return openai.AzureOpenAI(api_key=KEY, azure_endpoint=gateway.url, api_version="2024-10-21", max_retries=0)


def ask(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def test_a_plain_answer(client, dialect):
    answer = client.chat.completions.create(model=f"{dialect}-echo", messages=ask("hello 你好"))
    assert "hello 你好" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == f"{dialect}-echo"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_client_for_azure_asks_at_its_own_paths(azure, gateway, dialect):
    answer = azure.chat.completions.create(model=f"{dialect}-echo", messages=ask("hello"))
    assert "hello" in answer.choices[0].message.content
    # The deployment of the client stands in the path and wins over the model of the body.
    one = openai.AzureOpenAI(api_key=KEY, azure_endpoint=gateway.url, azure_deployment=f"{dialect}-echo",
                             api_version="2024-10-21", max_retries=0)
    chunks = list(one.chat.completions.create(model="other", messages=ask("one two"), stream=True))
    assert "one two" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert azure.responses.create(model=f"{dialect}-echo", input="hello").output_text


def test_a_stream_tells_the_same(client, dialect):
    stream = client.chat.completions.create(
        model=f"{dialect}-echo", messages=ask("one two three"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "one two three" in text
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert [reason for reason in finishes if reason] == ["stop"]
    assert all(chunk.model == f"{dialect}-echo" for chunk in chunks)
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usages) == 1 and usages[0].completion_tokens > 0


def test_no_usage_in_a_stream_that_did_not_ask(client, dialect):
    stream = client.chat.completions.create(model=f"{dialect}-echo", messages=ask("x"), stream=True)
    chunks = list(stream)
    assert not any(chunk.usage for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(client, dialect, stream):
    model = f"{dialect}-tools"
    messages = ask("weather in Paris?")
    if stream:
        with client.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as events:
            for _ in events:
                pass
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    call = choice.message.tool_calls[0]
    assert call.function.name == "weather" and call.id
    assert '"city"' in call.function.arguments
    messages += [choice.message.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id, "content": "sunny, 20 degrees"}]
    messages = [{k: v for k, v in m.items() if k in ("role", "content", "tool_calls", "tool_call_id")} for m in messages]
    after = client.chat.completions.create(model=f"{dialect}-echo", messages=messages, tools=TOOLS)
    assert after.choices[0].finish_reason == "stop"


def test_json_after_a_schema(client, dialect):
    answer = client.chat.completions.create(
        model=f"{dialect}-json", messages=ask("weather"),
        response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER_SCHEMA, "strict": True}},
    )
    import json
    value = json.loads(answer.choices[0].message.content)
    assert set(value) == {"city", "days"} and isinstance(value["days"], int)


def test_reasoning_is_shown(client, dialect):
    answer = client.chat.completions.create(model=f"{dialect}-reasoning", messages=ask("think"), reasoning_effort="low")
    assert answer.choices[0].message.content
    assert answer.choices[0].message.reasoning_content


def test_errors_are_the_packages_own(client, dialect):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=f"{dialect}-error-429", messages=ask("x"))
    assert caught.value.status_code == 429
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="nosuch", messages=ask("x"))
    assert "nosuch" in str(caught.value)


def test_a_fallback_answers(client):
    answer = client.chat.completions.create(model="chat-error-500", messages=ask("still here?"))
    assert "still here?" in answer.choices[0].message.content


def test_a_cut_stream_is_an_error_and_never_looks_complete(client, dialect):
    stream = client.chat.completions.create(model=f"{dialect}-cut-3", messages=ask("a b c d e f g h"), stream=True)
    finishes = []
    with pytest.raises(openai.APIError):
        for chunk in stream:
            finishes += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
    assert finishes == []


def test_a_wrong_key_is_refused(gateway):
    stranger = openai.OpenAI(api_key="sk-wrong", base_url=gateway.url + "/v1", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model="chat-echo", messages=ask("x"))


def test_models_are_listed(client):
    names = [model.id for model in client.models.list()]
    assert "chat-echo" in names and "messages-echo" in names
    assert client.models.retrieve("chat-echo").id == "chat-echo"


def test_responses_plain(client, dialect):
    answer = client.responses.create(model=f"{dialect}-echo", instructions="Be brief.", input="hello there")
    assert "hello there" in answer.output_text
    assert answer.status == "completed"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


def test_responses_stream(client, dialect):
    with client.responses.stream(model=f"{dialect}-echo", input="one two three") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert "response.output_text.delta" in kinds
    assert "one two three" in final.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_responses_tools(client, dialect, stream):
    arguments = dict(model=f"{dialect}-tools", input="weather in Paris?", tools=RESPONSES_TOOLS)
    if stream:
        with client.responses.stream(**arguments) as events:
            for _ in events:
                pass
            answer = events.get_final_response()
    else:
        answer = client.responses.create(**arguments)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert calls and calls[0].name == "weather" and calls[0].call_id
    after = client.responses.create(
        model=f"{dialect}-echo",
        input=[{"role": "user", "content": "weather in Paris?"},
               {"type": "function_call", "call_id": calls[0].call_id, "name": "weather", "arguments": calls[0].arguments},
               {"type": "function_call_output", "call_id": calls[0].call_id, "output": "sunny"}],
    )
    assert after.status == "completed"


def test_responses_errors(client, dialect):
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model=f"{dialect}-error-429", input="x")


def test_embeddings(client, azure):
    texts = ["the cat sat", "a cat sat", "quantum"]
    # The client asks for base64 and shows numbers.
    answer = client.embeddings.create(model="chat-echo", input=texts, dimensions=32)
    vectors = [item.embedding for item in answer.data]
    assert answer.model == "chat-echo" and answer.usage.prompt_tokens > 0
    assert [len(vector) for vector in vectors] == [32, 32, 32]
    assert abs(sum(number * number for number in vectors[0]) - 1) < 1e-5
    floats = client.embeddings.create(model="chat-echo", input=texts, dimensions=32, encoding_format="float")
    assert [item.embedding for item in floats.data] == [pytest.approx(vector) for vector in vectors]
    # More than the vendor's row takes at a time.
    many = client.embeddings.create(model="chat-echo", input=["x"] * 3000)
    assert len(many.data) == 3000 and {item.index for item in many.data} == set(range(3000))
    assert len(azure.embeddings.create(model="chat-echo", input="a").data) == 1


def test_a_kind_that_no_vendor_of_the_model_has(client):
    for ask_for in (
        lambda: client.embeddings.create(model="messages-echo", input="x"),
        lambda: client.images.generate(model="messages-echo", prompt="x"),
        lambda: client.audio.transcriptions.create(model="messages-echo", file=("a.wav", b"x")),
    ):
        with pytest.raises(openai.BadRequestError, match="does not serve"):
            ask_for()
