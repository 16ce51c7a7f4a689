"""Gemini's API, as Gemini CLI uses it: POST …:streamGenerateContent and …:generateContent."""

import json

from agents.model_api import SAID, ModelApi, events, strings


class Gemini(ModelApi):
    def tools(self, body):
        return [
            declaration
            for tool in body.get("tools", [])
            for declaration in tool.get("functionDeclarations", [])
        ]

    def results(self, body):
        parts = [part for content in body.get("contents", []) for part in content.get("parts", [])]
        responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
        return [text for response in responses for text in strings(response["response"])]

    def response(self, path, body, tool):
        if tool:
            part = {"functionCall": {"name": tool["name"], "args": self.call.arguments}}
        else:
            part = {"text": SAID}
        content = {"role": "model", "parts": [part]}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        whole = {
            "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
            "usageMetadata": usage,
            "modelVersion": "mock",
        }
        if ":countTokens" in path:
            return "application/json", json.dumps({"totalTokens": 1})
        if ":streamGenerateContent" in path:
            return events([whole], named=False)
        return "application/json", json.dumps(whole)
