"""The PyPI `google-genai` package in front of vendors of every dialect."""

import pytest
from conftest import KEY
from google import genai
from google.genai import errors, types

WEATHER = types.Tool(function_declarations=[types.FunctionDeclaration(
    name="weather", description="Weather of a city",
    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)])


@pytest.fixture
def client(gateway):
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))


def test_a_plain_answer(client, dialect):
    answer = client.models.generate_content(model=f"{dialect}-echo", contents="hello 你好")
    assert "hello 你好" in answer.text
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count > 0


def test_a_stream(client, dialect):
    chunks = list(client.models.generate_content_stream(model=f"{dialect}-echo", contents="one two three"))
    assert "one two three" in "".join(chunk.text or "" for chunk in chunks)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_a_tool_is_called_and_its_result_goes_back(client, dialect):
    config = types.GenerateContentConfig(
        tools=[WEATHER], system_instruction="Be brief.",
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    question = types.Content(role="user", parts=[types.Part(text="weather?")])
    answer = client.models.generate_content(model=f"{dialect}-tools", contents=[question], config=config)
    [call] = answer.function_calls
    assert call.name == "weather" and "city" in call.args
    result = types.Part.from_function_response(name=call.name, response={"weather": "sunny"})
    result.function_response.id = call.id
    history = [question, answer.candidates[0].content, types.Content(role="user", parts=[result])]
    again = client.models.generate_content(model=f"{dialect}-echo", contents=history, config=config)
    assert again.candidates


def test_a_chat_session(client, dialect):
    chat = client.chats.create(model=f"{dialect}-echo")
    chat.send_message("first")
    assert "second" in chat.send_message("second").text


def test_tokens_are_counted(client):
    assert client.models.count_tokens(model="gemini-echo", contents="one two three").total_tokens > 0


def test_an_error_is_one_of_the_format(client, dialect):
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=f"{dialect}-error-429", contents="x")
    assert raised.value.code == 429


def test_models_are_listed(client):
    names = [model.name for model in client.models.list()]
    assert any(name.endswith("chat-echo") for name in names)
