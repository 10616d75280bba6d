"""LiteLLM's own SDK and LlamaIndex in front of vendors of every dialect: programs written for other gateways."""

import litellm
import pytest
from conftest import KEY
from llama_index.llms.openai_like import OpenAILike

litellm.telemetry = False


def user(text):
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("prefix", ["litellm_proxy", "openai", "anthropic"])
def test_litellm_asks_a_proxy(gateway, dialect, prefix):
    base = gateway.url if prefix == "anthropic" else gateway.url + "/v1"
    ask = {"model": f"{prefix}/{dialect}-echo", "api_base": base, "api_key": KEY, "num_retries": 0}
    answer = litellm.completion(messages=user("hello lite"), **ask)
    assert "hello lite" in answer.choices[0].message.content
    chunks = litellm.completion(messages=user("one two three"), stream=True, **ask)
    assert "one two three" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_llama_index(gateway, dialect):
    model = OpenAILike(model=f"{dialect}-echo", api_base=gateway.url + "/v1", api_key=KEY, is_chat_model=True)
    assert "hello index" in model.complete("hello index").text
    assert "one two" in "".join(part.delta for part in model.stream_complete("one two"))
