"""LangChain's OpenAI and Anthropic models in front of vendors of every dialect."""

import pytest
from conftest import KEY
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def weather(city: str) -> str:
    """Weather of a city."""
    return f"sunny in {city}"


@pytest.fixture(params=["openai", "anthropic"])
def model_of(request, gateway):
    def make(name):
        if request.param == "openai":
            return ChatOpenAI(model=name, api_key=KEY, base_url=gateway.url + "/v1", max_retries=0)
        return ChatAnthropic(model=name, api_key=KEY, base_url=gateway.url, max_retries=0, max_tokens=500)
    return make


def test_invoke(model_of, dialect):
    answer = model_of(f"{dialect}-echo").invoke("hello chain")
    assert "hello chain" in answer.text if isinstance(answer.text, str) else answer.text()
    assert answer.usage_metadata["input_tokens"] > 0


def test_stream(model_of, dialect):
    text = ""
    for chunk in model_of(f"{dialect}-echo").stream("one two three"):
        text += chunk.content if isinstance(chunk.content, str) else "".join(
            part.get("text", "") for part in chunk.content if isinstance(part, dict))
    assert "one two three" in text


def test_tools(model_of, dialect):
    answer = model_of(f"{dialect}-tools").bind_tools([weather]).invoke("weather in Paris?")
    assert answer.tool_calls and answer.tool_calls[0]["name"] == "weather"
