"""The PyPI `ollama` package in front of vendors of every dialect."""

import ollama
import pytest
from conftest import KEY


@pytest.fixture
def client(gateway):
    return ollama.Client(host=gateway.url, headers={"authorization": f"Bearer {KEY}"})


def user(text):
    return [{"role": "user", "content": text}]


def weather(city: str) -> str:
    """Weather of a city.

    Args:
        city: The city.
    """
    return f"sunny in {city}"


def test_a_plain_answer(client, dialect):
    answer = client.chat(model=f"{dialect}-echo", messages=user("hello 你好"))
    assert "hello 你好" in answer.message.content
    assert answer.done and answer.done_reason == "stop"


def test_a_stream(client, dialect):
    parts = list(client.chat(model=f"{dialect}-echo", messages=user("one two three"), stream=True))
    assert "one two three" in "".join(part.message.content or "" for part in parts)
    assert parts[-1].done


def test_a_single_prompt(client, dialect):
    assert "hello" in client.generate(model=f"{dialect}-echo", prompt="hello").response
    streamed = client.generate(model=f"{dialect}-echo", prompt="hello", stream=True)
    assert "hello" in "".join(part.response for part in streamed)


def test_a_tool_is_called(client, dialect):
    answer = client.chat(model=f"{dialect}-tools", messages=user("weather?"), tools=[weather])
    assert answer.message.tool_calls[0].function.name == "weather"


def test_embeddings_and_models(client):
    assert len(client.embed(model="ollama-echo", input=["a", "b"]).embeddings) == 2
    assert any(model.model == "chat-echo" for model in client.list().models)
    assert client.show("chat-echo")


def test_an_error_is_one_of_the_package(client):
    with pytest.raises(ollama.ResponseError) as raised:
        client.chat(model="chat-error-429", messages=user("x"))
    assert raised.value.status_code == 429
