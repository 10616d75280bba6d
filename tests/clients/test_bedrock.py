"""The AWS SDK (`boto3`) pointed at the gateway, the key as its access key's id, in front of vendors of every dialect."""

import boto3
import botocore.config
import botocore.exceptions
import pytest
from conftest import KEY

TOOLS = {"tools": [{"toolSpec": {"name": "weather", "description": "Weather of a city", "inputSchema": {
    "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}]}


@pytest.fixture
def client(gateway):
    return boto3.client(
        "bedrock-runtime", endpoint_url=gateway.url, region_name="eu-west-1", aws_access_key_id=KEY,
        aws_secret_access_key="any", config=botocore.config.Config(retries={"max_attempts": 1}),
    )


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def test_a_plain_answer(client, dialect):
    answer = client.converse(modelId=f"{dialect}-echo", messages=user("hello 你好"), system=[{"text": "Be brief."}])
    assert "hello 你好" in answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] == "end_turn" and answer["usage"]["totalTokens"] > 0


def test_a_stream(client, dialect):
    events = list(client.converse_stream(modelId=f"{dialect}-echo", messages=user("one two three"))["stream"])
    text = "".join(event["contentBlockDelta"]["delta"].get("text", "") for event in events if "contentBlockDelta" in event)
    assert "one two three" in text
    assert any(event.get("messageStop", {}).get("stopReason") == "end_turn" for event in events)
    assert any(event.get("metadata", {}).get("usage") for event in events)


def test_a_tool_is_called_and_its_result_goes_back(client, dialect):
    answer = client.converse(modelId=f"{dialect}-tools", messages=user("weather?"), toolConfig=TOOLS)
    message = answer["output"]["message"]
    [call] = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    assert call["name"] == "weather" and answer["stopReason"] == "tool_use"
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "sunny"}]}}
    history = [*user("weather?"), message, {"role": "user", "content": [result]}]
    assert client.converse(modelId=f"{dialect}-echo", messages=history, toolConfig=TOOLS)["output"]


def test_errors_are_the_services(client):
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId="chat-error-429", messages=user("x"))
