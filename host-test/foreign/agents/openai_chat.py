"""OpenAI's chat completions, as opencode uses them: POST /chat/completions, streamed or not."""

import json

from agents.model_api import SAID, ModelApi, events, strings


class OpenAiChat(ModelApi):
    def tools(self, body):
        return [tool["function"] for tool in body.get("tools", [])]

    def results(self, body):
        messages = [message for message in body["messages"] if message["role"] == "tool"]
        return [text for message in messages for text in strings(message["content"])]

    def response(self, path, body, tool):
        if tool:
            function = {"name": tool["name"], "arguments": json.dumps(self.call.arguments)}
            call = {"index": 0, "id": "call_1", "type": "function", "function": function}
            message, reason = {"role": "assistant", "tool_calls": [call]}, "tool_calls"
        else:
            message, reason = {"role": "assistant", "content": SAID}, "stop"
        common = {"id": "chatcmpl-1", "created": 1, "model": "mock"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            whole = {**common, "object": "chat.completion", "choices": [choice], "usage": usage}
            return "application/json", json.dumps(whole)
        common["object"] = "chat.completion.chunk"
        first = {"index": 0, "delta": message, "finish_reason": None}
        last = {"index": 0, "delta": {}, "finish_reason": reason}
        chunks = [{**common, "choices": [first]}, {**common, "choices": [last], "usage": usage}]
        content_type, stream = events(chunks, named=False)
        return content_type, stream + "data: [DONE]\n\n"
