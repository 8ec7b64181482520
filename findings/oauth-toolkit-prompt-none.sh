#!/usr/bin/env bash
# Shows that django-oauth-toolkit with OpenID Connect answers each authorization request that has
# `prompt=none` with 500, whether the user is logged in or not. OpenID Connect Core section 3.1.2.6
# has a redirect with `login_required`, or with a code: without `prompt` the same request gets a code.
#
# Observed with django-oauth-toolkit 3.4.1 and oauthlib 4.0.1. Installs them in a temporary folder.
# Exit status: 0 if confirmed, 1 if django-oauth-toolkit behaves differently, 2 if it cannot be run.
set -euo pipefail
for command in python3 openssl; do
  command -v "$command" >/dev/null || { echo "$command is missing: sudo apt-get install python3 python3-venv openssl" >&2; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv || exit 2
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  django==5.2.19 django-oauth-toolkit==3.4.1 oauthlib==4.0.1 || exit 2
openssl genrsa -out key.pem 2048 2>/dev/null
cat > show.py <<'PYTHON'
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY="only for this",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="__main__",
    LOGGING_CONFIG=None,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": open("key.pem").read(),
        "SCOPES": {"openid": "sign in"},
    },
)
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import include, path
from oauth2_provider.models import Application

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)
ann = get_user_model().objects.create_user("ann")
Application.objects.create(
    client_id="web",
    client_type="confidential",
    authorization_grant_type="authorization-code",
    redirect_uris="https://app.example/callback",
    skip_authorization=True,
    algorithm="RS256",
)
stranger, browser = Client(raise_request_exception=False), Client(raise_request_exception=False)
browser.force_login(ann)


def status(client, **further):
    query = {
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": "https://app.example/callback",
        "scope": "openid",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        **further,
    }
    return client.get("/o/authorize/", query).status_code


plain = status(browser)
silent = [status(stranger, prompt="none"), status(browser, prompt="none")]
print("a user who is logged in, without prompt:", plain)
print("prompt=none without a user, with one:", *silent)
if plain != 302:
    sys.exit(2)
sys.exit(0 if silent == [500, 500] else 1)
PYTHON
# A program that ends with an exception ends with 1 too.
venv/bin/python -c 'import oauth2_provider, oauthlib' || exit 2
venv/bin/python show.py 2>log && status=0 || status=$?
if [ "$status" != 0 ]; then
  grep -q '^Traceback' log && ! grep -q 'Internal Server Error' log && status=2
  cat log >&2
  exit "$status"
fi
echo "Confirmed: prompt=none is answered with 500."
