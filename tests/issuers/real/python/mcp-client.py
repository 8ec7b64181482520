"""A client of the official Python SDK: it registers, logs in, calls one tool, and then another that
needs a further scope.

Arguments: the protocol revision to speak, the server's URL, two tools as NAME or NAME=ARGUMENTS in
JSON.
Standard output: a line of JSON with the negotiated revision, the answers of the tools and the scopes of
each login.
"""
import asyncio
import json
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import AuthorizationCodeResult
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

CALLBACK = "http://127.0.0.1:9/callback"
revision, server, *tools = sys.argv[1:]
logins = []
answered = {}


class Kept:
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def log_in(url):
    """A new browser of a user who agrees to everything."""
    asked = parse_qs(urlsplit(url).query)
    logins.append({name: asked.get(name, [None])[0] for name in ("scope", "resource")})
    async with httpx2.AsyncClient() as browser:
        while not url.startswith(CALLBACK):
            answer = await browser.get(url)
            url = urljoin(url, answer.headers["location"])
    answered.update({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})


async def callback():
    return AuthorizationCodeResult(code=answered["code"], state=answered.get("state"), iss=answered.get("iss"))


async def main():
    metadata = OAuthClientMetadata(
        client_name="test",
        redirect_uris=[CALLBACK],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    auth = OAuthClientProvider(server, metadata, Kept(), log_in, callback)
    async with httpx2.AsyncClient(auth=auth, follow_redirects=True) as http:
        # Before 2026-07-28 a client begins with `initialize`; since then it asks what the server knows.
        mode = "legacy" if revision < "2026-07-28" else "auto"
        async with Client(streamable_http_client(server, http_client=http), mode=mode) as client:
            answers = []
            for tool in tools:
                name, _, arguments = tool.partition("=")
                answer = await client.call_tool(name, json.loads(arguments or "{}"))
                answers.append(answer.content[0].text)
                negotiated = client.protocol_version
    print(json.dumps({"revision": negotiated, "answers": answers, "logins": logins}))


asyncio.run(main())
