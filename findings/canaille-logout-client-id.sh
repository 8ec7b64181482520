#!/usr/bin/env bash
# Shows that canaille's logout does not lead back to the application with `id_token_hint` and a
# registered `post_logout_redirect_uri`, as OpenID Connect RP-Initiated Logout 1.0 section 2 has it,
# but only if `client_id` is sent too: `aud` of canaille's ID tokens is a list of one client, and
# Authlib looks for the client in a text alone. Authlib's own ID tokens have a text.
#
# Observed with canaille 0.3.6, its store in memory, and Authlib 1.9.10. Installs them in a temporary
# folder.
# Exit status: 0 if confirmed, 1 if canaille behaves differently, 2 if it cannot be run.
set -euo pipefail
command -v python3 >/dev/null || { echo "python3 is missing: sudo apt-get install python3 python3-venv" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv || exit 2
venv/bin/python -m pip install --quiet --disable-pip-version-check 'canaille[oidc]==0.3.6' 'authlib==1.9.10' || exit 2
venv/bin/python - 2>log <<'PYTHON' || { status=$?; [ "$status" = 1 ] || cat log >&2; exit "$status"; }
import base64, json, logging, os, sys
from urllib.parse import parse_qs, urlsplit

CALLBACK = "https://app.example/callback"
HOME = "https://app.example/logged-out"


def fail(answer):
    print(answer.status, answer.get_data(as_text=True), file=sys.stderr)
    os._exit(2)


try:
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend

    app = create_app({
        "SECRET_KEY": "only for this",
        "WTF_CSRF_ENABLED": False,
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": True},
    })
except Exception as error:
    print(repr(error), file=sys.stderr)
    os._exit(2)
logging.disable()
with app.app_context():
    Backend.instance.save(models.User(
        user_name="ann", formatted_name="Ann", family_name="Ann", emails=["ann@example.com"], password="A long passw0rd!",
    ))
answer = app.test_client().post("/oauth/register", json={
    "client_name": "web",
    # This address makes it a trusted client, which needs no consent.
    "client_uri": "https://127.0.0.1",
    "redirect_uris": [CALLBACK],
    "post_logout_redirect_uris": [HOME],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "openid",
})
client = answer.get_json() if answer.status_code == 201 else fail(answer)


def log_in(browser):
    browser.post("/login", data={"login": "ann"})
    browser.post("/auth/password", data={"password": "A long passw0rd!"})
    query = {"client_id": client["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "nonce": "n"}
    answer = browser.get("/oauth/authorize", query_string=query)
    code = parse_qs(urlsplit(answer.location or "").query).get("code") or fail(answer)
    answer = browser.post(
        "/oauth/token",
        auth=(client["client_id"], client["client_secret"]),
        data={"grant_type": "authorization_code", "code": code[0], "redirect_uri": CALLBACK},
    )
    return answer.get_json()["id_token"] if answer.status_code == 200 else fail(answer)


def log_out(**further):
    browser = app.test_client()
    query = {"id_token_hint": log_in(browser), "post_logout_redirect_uri": HOME, "state": "s", **further}
    answer = browser.get("/oauth/end_session", query_string=query)
    return answer.location if answer.status_code == 302 else fail(answer)


payload = log_in(app.test_client()).split(".")[1]
audience = json.loads(base64.urlsafe_b64decode(payload + "=="))["aud"]
without, named = log_out(), log_out(client_id=client["client_id"])
print("aud:", "a list" if isinstance(audience, list) else "a text")
print("id_token_hint alone leads to:", without)
print("with client_id too it leads to:", named)
sys.exit(0 if named == f"{HOME}?state=s" and not without.startswith(HOME) else 1)
PYTHON
echo "Confirmed: the logout leads back only if the request names the client."
