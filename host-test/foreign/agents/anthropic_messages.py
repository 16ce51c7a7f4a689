"""Anthropic's Messages API, as Claude Code uses it: POST /v1/messages, streamed or not.

Claude Code first sends only the names of MCP tools. The model gets their definitions by a call of
the tool ToolSearch, so this model makes that call first.
"""

import json
import re

from agents.model_api import SAID, ModelApi, events, strings

CALL_ID, SEARCH_ID = "toolu_call", "toolu_search"
MCP_TOOL = re.compile(r"\bmcp__homer__\w+")


class AnthropicMessages(ModelApi):
    def tools(self, body):
        return [tool for tool in body.get("tools", []) if "name" in tool]

    def results(self, body):
        return self.results_of(CALL_ID, body)

    def results_of(self, call_id: str, body: dict) -> list[str]:
        contents = [message["content"] for message in body.get("messages", [])]
        blocks = [block for content in contents if isinstance(content, list) for block in content]
        blocks = [block for block in blocks if block.get("tool_use_id") == call_id]
        return [text for block in blocks for text in strings(block["content"])]

    def search(self, body: dict) -> dict | None:
        """The block that looks up our tools, unless this conversation has done so."""
        can_search = any(tool["name"] == "ToolSearch" for tool in self.tools(body))
        names = sorted({name for text in strings(body) for name in MCP_TOOL.findall(text)})
        if not can_search or not names or self.results_of(SEARCH_ID, body):
            return None
        query = {"query": f"select:{','.join(names)}"}
        return {"type": "tool_use", "id": SEARCH_ID, "name": "ToolSearch", "input": query}

    def response(self, path, body, tool):
        if path.split("?")[0].endswith("/count_tokens"):
            return "application/json", json.dumps({"input_tokens": 1})
        if tool:
            name, arguments = tool["name"], self.call.arguments
            block = {"type": "tool_use", "id": CALL_ID, "name": name, "input": arguments}
        else:
            block = None if self.results(body) else self.search(body)
        if block:
            begin, reason = {**block, "input": {}}, "tool_use"
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            begin, reason = {"type": "text", "text": ""}, "end_turn"
            block, delta = {**begin, "text": SAID}, {"type": "text_delta", "text": SAID}
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "mock"),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        if not body.get("stream"):
            return "application/json", json.dumps(
                {**message, "content": [block], "stop_reason": reason}
            )
        ended = {"stop_reason": reason, "stop_sequence": None}
        payloads = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": begin},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
        return events(payloads, named=True)
