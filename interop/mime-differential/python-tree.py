"""Prints what Python's email package reads: one line of JSON for each path on standard input."""

import email
import json
import sys
from email import policy


def tree(message):
    parts = message.get_payload() if message.is_multipart() else []
    return {"type": message.get_content_type(), "parts": [tree(part) for part in parts]}


for line in sys.stdin:
    try:
        with open(line.rstrip("\n"), "rb") as file:
            message = email.message_from_binary_file(file, policy=policy.compat32)
        answer = {"tree": tree(message), "subject": message.get("subject") is not None}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps(answer))
