"""A server over Authlib's Flask integration: RFC 9068 tokens and ID tokens, signed with ES256."""
import os
import time
from importlib.metadata import version

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey
from serve import CALLBACK, RESOURCE, SECRET, announce, listen, serve

# It refuses plain http otherwise, also on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
listener, origin = listen()
key = ECKey.generate_key("P-256", {"kid": "first", "alg": "ES256", "use": "sig"})
private = {"keys": [key.as_dict(private=True)]}
codes = {}


class User:
    def get_user_id(self):
        return "ann"


class Client(ClientMixin):
    client_id = "web"

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return CALLBACK

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == CALLBACK

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return True


class Code(AuthorizationCodeMixin):
    def __init__(self, asked):
        self.scope = asked.payload.scope
        self.nonce = asked.payload.data.get("nonce")
        self.code_challenge = asked.payload.data.get("code_challenge")
        self.code_challenge_method = asked.payload.data.get("code_challenge_method")

    def get_redirect_uri(self):
        return CALLBACK

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(time.time())

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class CodeGrant(grants.AuthorizationCodeGrant):
    def save_authorization_code(self, code, asked):
        codes[code] = Code(asked)

    def query_authorization_code(self, code, client):
        return codes.get(code)

    def delete_authorization_code(self, code):
        codes.clear()

    def authenticate_user(self, code):
        return User()


class OpenID(OpenIDCode):
    def exists_nonce(self, nonce, asked):
        return False

    def resolve_client_private_key(self, client):
        return private

    def get_client_algorithm(self, client):
        return "ES256"

    def get_client_claims(self, client):
        return {"iss": origin}

    def generate_user_info(self, user, scope):
        return UserInfo(sub="ann", email="ann@example.com")


class Tokens(JWTBearerTokenGenerator):
    def get_jwks(self):
        return private

    def get_audiences(self, client, user, scope):
        return RESOURCE

    def get_extra_claims(self, client, grant_type, user, scope):
        return {"roles": ["admin"]}


app = Flask(__name__)
server = AuthorizationServer(app, query_client=lambda _: Client(), save_token=lambda *_: None)
server.register_token_generator("default", Tokens(issuer=origin, alg="ES256"))
server.register_grant(CodeGrant, [CodeChallenge(required=True), OpenID()])
server.register_grant(grants.ClientCredentialsGrant)


@app.get("/authorize")
def authorize():
    return server.create_authorization_response(
        grant_user=User(), grant=server.get_consent_grant(request, end_user=User())
    )


@app.post("/token")
def token():
    return server.create_token_response()


@app.get("/keys")
def keys():
    return jsonify(keys=[key.as_dict(private=False)])


@app.get("/.well-known/openid-configuration")
def metadata():
    return jsonify(
        issuer=origin,
        authorization_endpoint=f"{origin}/authorize",
        token_endpoint=f"{origin}/token",
        jwks_uri=f"{origin}/keys",
        response_types_supported=["code"],
        id_token_signing_alg_values_supported=["ES256"],
    )


serve(listener, app)
announce(
    version=version("Authlib"),
    issuer=origin,
    client_id="web",
    secret=SECRET,
    callback=CALLBACK,
    resource=RESOURCE,
)
