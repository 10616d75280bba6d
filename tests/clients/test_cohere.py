"""The PyPI `cohere` package (version 2 of the API) in front of vendors of every dialect."""

import cohere
import pytest
from conftest import KEY

WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}}


@pytest.fixture
def client(gateway):
    return cohere.ClientV2(api_key=KEY, base_url=gateway.url)


def user(text):
    return [{"role": "user", "content": text}]


def test_a_plain_answer(client, dialect):
    answer = client.chat(model=f"{dialect}-echo", messages=user("hello 你好"))
    assert "hello 你好" in answer.message.content[0].text
    assert answer.finish_reason == "COMPLETE"


def test_a_stream(client, dialect):
    text = ""
    for event in client.chat_stream(model=f"{dialect}-echo", messages=user("one two three")):
        if event.type == "content-delta":
            text += event.delta.message.content.text or ""
    assert "one two three" in text


def test_a_tool_is_called(client, dialect):
    answer = client.chat(model=f"{dialect}-tools", messages=user("weather?"), tools=[WEATHER])
    assert answer.message.tool_calls[0].function.name == "weather"
    assert answer.finish_reason == "TOOL_CALL"


def test_an_error_is_one_of_the_package(client):
    with pytest.raises(cohere.TooManyRequestsError):
        client.chat(model="chat-error-429", messages=user("x"), request_options={"max_retries": 0})


def test_embeddings(client):
    answer = client.embed(model="chat-echo", texts=["a", "b"], input_type="search_document", embedding_types=["float"])
    assert len(answer.embeddings.float_) == 2
