"""The PyPI `anthropic` package in front of vendors of every dialect."""

import anthropic
import pytest
from conftest import KEY, WEATHER_SCHEMA

TOOLS = [{"name": "weather", "description": "Weather of a city", "input_schema": WEATHER_SCHEMA}]


@pytest.fixture
def client(gateway):
    return anthropic.Anthropic(api_key=KEY, base_url=gateway.url, max_retries=0)


def ask(text):
    return [{"role": "user", "content": text}]


def test_a_plain_answer(client, dialect):
    answer = client.messages.create(
        model=f"{dialect}-echo", max_tokens=200, system="Be brief.", messages=ask("hello 你好")
    )
    assert "hello 你好" in answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.model == f"{dialect}-echo"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


def test_a_stream_tells_the_same(client, dialect):
    with client.messages.stream(model=f"{dialect}-echo", max_tokens=200, messages=ask("one two three")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert "one two three" in text
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(client, dialect, streamed):
    arguments = dict(model=f"{dialect}-tools", max_tokens=200, messages=ask("weather in Paris?"), tools=TOOLS)
    if streamed:
        with client.messages.stream(**arguments) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**arguments)
    assert answer.stop_reason == "tool_use"
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.name == "weather" and "city" in call.input
    messages = ask("weather in Paris?") + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny", "is_error": False}]},
    ]
    after = client.messages.create(model=f"{dialect}-echo", max_tokens=200, messages=messages, tools=TOOLS)
    assert after.stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking_comes_back_with_its_signature(client, dialect, streamed):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    arguments = dict(model=f"{dialect}-reasoning", max_tokens=4000, messages=ask("think"), thinking=thinking)
    if streamed:
        with client.messages.stream(**arguments) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**arguments)
    kinds = [block.type for block in answer.content]
    assert kinds[0] == "thinking" and "text" in kinds
    messages = ask("think") + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": "and now?"},
    ]
    after = client.messages.create(
        model=f"{dialect}-reasoning", max_tokens=4000, messages=messages, thinking=thinking
    )
    assert after.content


def test_tokens_are_counted(client, dialect):
    count = client.messages.count_tokens(model=f"{dialect}-echo", messages=ask("how long is this?"))
    assert count.input_tokens > 3


def test_errors_are_the_packages_own(client, dialect):
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(model=f"{dialect}-error-429", max_tokens=10, messages=ask("x"))
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="nosuch", max_tokens=10, messages=ask("x"))
    assert caught.value.body["type"] == "error"


def test_a_cut_stream_is_an_error(client, dialect):
    with pytest.raises(anthropic.APIError):
        with client.messages.stream(model=f"{dialect}-cut-3", max_tokens=99, messages=ask("a b c d e f g")) as stream:
            for _ in stream:
                pass


def test_a_wrong_key_is_refused(gateway):
    stranger = anthropic.Anthropic(api_key="sk-wrong", base_url=gateway.url, max_retries=0)
    with pytest.raises(anthropic.AuthenticationError):
        stranger.messages.create(model="chat-echo", max_tokens=9, messages=ask("x"))


def test_models_are_listed_in_the_packages_shape(client):
    names = [model.id for model in client.models.list()]
    assert "messages-echo" in names
