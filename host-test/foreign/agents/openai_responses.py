"""OpenAI's Responses API, as Codex uses it: POST /responses, always streamed."""

import json

from agents.model_api import SAID, ModelApi, events, strings


class OpenAiResponses(ModelApi):
    def tools(self, body):
        found = []
        for tool in body.get("tools", []):
            if tool.get("type") == "namespace":
                # Codex groups the tools of a server; a call has to name the group.
                found += [{**inner, "namespace": tool["name"]} for inner in tool["tools"]]
            elif "name" in tool:
                found.append(tool)
        return found

    def results(self, body):
        items = body.get("input", [])
        items = items if isinstance(items, list) else []
        outputs = [item for item in items if item.get("type") == "function_call_output"]
        return [text for item in outputs for text in strings(item["output"])]

    def response(self, path, body, tool):
        identity = {"id": "resp_1", "object": "response", "model": "mock"}
        if tool:
            item = {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "name": tool["name"],
                "arguments": json.dumps(self.call.arguments),
                "status": "completed",
            }
            if "namespace" in tool:
                item["namespace"] = tool["namespace"]
        else:
            content = [{"type": "output_text", "text": SAID, "annotations": []}]
            item = {"type": "message", "id": "msg_1", "role": "assistant", "content": content}
            item["status"] = "completed"
        usage = {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2,
        }
        done = {**identity, "status": "completed", "output": [item], "usage": usage}
        payloads = [
            {"type": "response.created", "response": {**identity, "status": "in_progress"}},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": done},
        ]
        return events(payloads, named=True)
