"""A real HTTP server for ``POST /images/edits``: reads the form as the endpoint does, and paints the photo's negative.

It keeps no pixel of the photo, as hosted models do not. A script can answer instead: it is given the form and the
number of the call, and returns status, reply and headers, or None for the painting.
"""

import base64
import io
import time
from email import message_from_bytes
from email.policy import HTTP

import numpy as np
from PIL import Image

from llm_server import Handler, Server

USAGE = {
    "input_tokens": 400,
    "output_tokens": 1000,
    "total_tokens": 1400,
    "input_tokens_details": {"image_tokens": 380, "text_tokens": 20},
}


class ImageServer(Server):
    """The server, and the forms that it got."""

    def __init__(self, **options):
        super().__init__(**options)
        self.RequestHandlerClass = ImageHandler
        self.forms = []


class ImageHandler(Handler):
    def do_POST(self):  # noqa: N802
        server, start = self.server, time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = read_form(self.headers["Content-Type"], body)
        with server.lock:
            number = len(server.forms)
            server.forms.append(form)
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
        try:
            time.sleep(server.latency)
            self.reply(*self.outcome(form, number))
        finally:
            with server.lock:
                server.busy -= 1
            server.note({"what": form.get("prompt"), "start": start, "seconds": time.time() - start})

    def outcome(self, form, number):
        server = self.server
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if server.keys and key not in server.keys:
            return 401, {"error": {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}}, {}
        assert self.path == "/v1/images/edits"
        return (server.script and server.script(form, number)) or (200, painted(form), {})


def read_form(kind, body):
    """Fields of a form: texts, and pictures as arrays."""
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
    fields = {}
    for part in message.iter_parts():
        data = part.get_payload(decode=True)
        if part.get_content_type() == "image/png":
            with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
                fields[part.get_param("name", header="Content-Disposition")] = np.asarray(picture)
        else:
            fields[part.get_param("name", header="Content-Disposition")] = data.decode()
    return fields


def painted(form, size=None, usage=USAGE):
    """The negative of the photo, as the endpoint answers."""
    picture = Image.fromarray(255 - form["image"])
    return answer(png(picture if size is None else picture.resize(size)), usage)


def answer(data, usage=USAGE):
    told = {} if usage is None else {"usage": usage}
    return {"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}], **told}


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def refusal():
    """What OpenAI answers to what its policy forbids."""
    message = "Your request was rejected by the safety system. safety_violations=[violence]."
    return (
        400,
        {"error": {"message": message, "type": "image_generation_user_error", "code": "moderation_blocked"}},
        {},
    )


def page():
    """What a proxy answers."""
    return 200, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}
