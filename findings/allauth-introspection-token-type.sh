#!/usr/bin/env bash
# Shows that django-allauth answers introspection of an access token with `"token_type":
# "access_token"`: the name of the hint of RFC 7009, where RFC 7662 section 2.2 has the type of RFC
# 6749 section 5.1, which its own token response calls "Bearer". A resource server that takes Bearer
# tokens only refuses all of them.
#
# Observed with django-allauth 65.22.1. Its extra idp-oidc does not install requests, without which
# its URLs cannot be imported, so this installs requests too. All in a temporary folder.
# Exit status: 0 if confirmed, 1 if django-allauth behaves differently, 2 if it cannot be run.
set -euo pipefail
command -v python3 >/dev/null || { echo "python3 is missing: sudo apt-get install python3 python3-venv" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv || exit 2
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  'django-allauth[idp-oidc]==65.22.1' 'django>=5.2,<5.3' requests || exit 2
cat > server.py <<'PYTHON'
import json, sys
import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
settings.configure(
    SECRET_KEY="only for this",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "allauth", "allauth.account", "allauth.idp.oidc",
    ],
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    IDP_OIDC_PRIVATE_KEY=pem.decode(),
    IDP_OIDC_INTROSPECTION_ENABLED=True,
)
django.setup()

from allauth.idp.oidc.models import Client
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import include, path

urlpatterns = [path("", include("allauth.idp.urls"))]
call_command("migrate", verbosity=0)
client = Client(id="service", scopes="orders.read", grant_types="client_credentials")
client.set_secret("secret")
client.save()

browser = Browser()
metadata = browser.get("/.well-known/openid-configuration").json()
credentials = {"client_id": "service", "client_secret": "secret"}
request = {"grant_type": "client_credentials", "scope": "orders.read"}
tokens = browser.post(metadata["token_endpoint"], {**request, **credentials}).json()
about = browser.post(
    metadata["introspection_endpoint"], {"token": tokens["access_token"], **credentials}
).json()
print("token response:", json.dumps({"token_type": tokens["token_type"]}))
print("introspection:", json.dumps({name: about.get(name) for name in ("active", "token_type")}))
if about.get("active") is not True:
    sys.exit(2)
with open("result", "w") as result:
    result.write("same" if about["token_type"] == "access_token" else "other")
PYTHON
venv/bin/python server.py || exit 2
[ "$(cat result)" = same ] || { echo "CHANGED: see above."; exit 1; }
echo "Confirmed: the token_type of introspection is access_token."
