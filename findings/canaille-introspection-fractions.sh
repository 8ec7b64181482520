#!/usr/bin/env bash
# Shows that canaille answers introspection with fractions of seconds in `exp` and `iat`, where RFC
# 7662 section 2.2 has integers. They are the times of opaque tokens, those of client credentials; a
# client that reads whole numbers only refuses all of them.
#
# Observed with canaille 0.3.6 and its store in memory. Installs it in a temporary folder.
# Exit status: 0 if confirmed, 1 if canaille behaves differently, 2 if it cannot be run.
set -euo pipefail
command -v python3 >/dev/null || { echo "python3 is missing: sudo apt-get install python3 python3-venv" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv || exit 2
venv/bin/python -m pip install --quiet --disable-pip-version-check 'canaille[oidc]==0.3.6' || exit 2
venv/bin/python - 2>log <<'PYTHON' || { status=$?; [ "$status" = 1 ] || cat log >&2; exit "$status"; }
import json, logging, os, sys

def fail(answer):
    print(answer.get_data(as_text=True), file=sys.stderr)
    os._exit(2)

try:
    from canaille import create_app

    app = create_app({
        "SECRET_KEY": "only for this",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": True},
    })
except Exception as error:
    print(repr(error), file=sys.stderr)
    os._exit(2)
logging.disable()
browser = app.test_client()
answer = browser.post("/oauth/register", json={
    "client_name": "service",
    "redirect_uris": ["https://app.example/callback"],
    "grant_types": ["client_credentials"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "groups",
})
client = answer.get_json() if answer.status_code == 201 else fail(answer)
credentials = (client["client_id"], client["client_secret"])
answer = browser.post("/oauth/token", auth=credentials, data={"grant_type": "client_credentials", "scope": "groups"})
tokens = answer.get_json() if answer.status_code == 200 else fail(answer)
answer = browser.post("/oauth/introspect", auth=credentials, data={"token": tokens["access_token"]})
about = answer.get_json() if answer.status_code == 200 else fail(answer)
print("expires_in:", tokens["expires_in"])
print("introspection:", json.dumps({name: about.get(name) for name in ("active", "iat", "exp")}))
whole = all(float(about[name]).is_integer() for name in ("iat", "exp"))
sys.exit(1 if whole or about["active"] is not True else 0)
PYTHON
echo "Confirmed: the times of introspection have fractions."
