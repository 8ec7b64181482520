"""Debian's glewlwyd with its OpenID Connect plugin, set up through its administration API."""
import json
import sqlite3
import subprocess
import time
from http.cookiejar import CookieJar
from urllib.error import URLError
from urllib.request import HTTPCookieProcessor, Request, build_opener

from serve import CALLBACK, LOGGED_OUT, PASSWORD, SECRET, announce, folder, listen

server, origin = listen()
port = server.server_port
server.server_close()

database = sqlite3.connect(f"{folder.name}/db")
with open("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3") as schema:
    # Clients have the property of the first name there; the plugin reads the second, a list.
    database.executescript(schema.read().replace(
        '"post_logout_redirect_uri":{"multiple":false', '"post_logout_redirect_uris":{"multiple":true'
    ))
database.close()
with open(f"{folder.name}/conf", "w") as settings:
    settings.write(f'''
port={port}
bind_address="127.0.0.1"
external_url="{origin}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp"
log_mode="file"
log_level="ERROR"
log_file="{folder.name}/log"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database={{ type="sqlite3", path="{folder.name}/db" }}
''')
process = subprocess.Popen(["glewlwyd", f"--config-file={folder.name}/conf"], stdin=subprocess.DEVNULL)

cookies = CookieJar()
browser = build_opener(HTTPCookieProcessor(cookies))


def call(method, path, body):
    request = Request(f"{origin}/api/{path}", json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    try:
        browser.open(request).read()
    except URLError as error:
        if hasattr(error, "read"):
            raise SystemExit(f"{path}: {error} {error.read()}")
        raise


for _ in range(200):
    try:
        call("POST", "auth/", {"username": "admin", "password": "password"})
        break
    except URLError:
        time.sleep(0.05)
key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True, text=True).stdout
public = subprocess.run(["openssl", "rsa", "-pubout"], input=key, capture_output=True, check=True, text=True).stdout
call("POST", "mod/plugin/", {
    "module": "oidc",
    "name": "oidc",
    "display_name": "oidc",
    "parameters": {
        "iss": f"{origin}/api/oidc",
        "jwt-type": "rsa",
        "jwt-key-size": "256",
        "key": key,
        "cert": public,
        "access-token-duration": 3600,
        "refresh-token-duration": 3600,
        "code-duration": 600,
        "refresh-token-rolling": True,
        "auth-type-code-enabled": True,
        # Client credentials are no flow of OpenID Connect: without this they are answered 403.
        "allow-non-oidc": True,
        "auth-type-client-enabled": True,
        "auth-type-refresh-enabled": True,
        "jwks-show": True,
        "allowed-scope": ["openid", "orders.read"],
        "pkce-allowed": True,
        "introspection-revocation-allowed": True,
        "introspection-revocation-allow-target-client": True,
        "session-management-allowed": True,
        "session-cookie-name": "oidc",
        "session-cookie-expiration": 3600,
        "back-channel-logout-allowed": True,
    },
})
call("POST", "scope/", {"name": "orders.read", "display_name": "orders", "password_required": True, "scheme": {}})
call("POST", "client/", {
    "client_id": "web",
    "name": "web",
    "confidential": True,
    "client_secret": SECRET,
    "redirect_uri": [CALLBACK],
    "post_logout_redirect_uris": [LOGGED_OUT],
    "authorization_type": ["code", "client_credentials", "refresh_token"],
    "token_endpoint_auth_method": ["client_secret_basic"],
    "scope": ["orders.read"],
    "enabled": True,
})
call("POST", "user/", {
    "username": "ann",
    "name": "Ann",
    "email": "ann@example.com",
    "password": PASSWORD,
    "scope": ["g_profile", "openid", "orders.read"],
    "enabled": True,
})
cookies.clear()
call("POST", "auth/", {"username": "ann", "password": PASSWORD})
call("PUT", "auth/grant/web", {"scope": "openid orders.read"})
installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "glewlwyd"], capture_output=True, text=True)
announce(
    stops=process,
    version=installed.stdout,
    issuer=f"{origin}/api/oidc",
    client_id="web",
    secret=SECRET,
    callback=CALLBACK,
    logged_out=LOGGED_OUT,
    scopes=["openid", "orders.read"],
    # What its login page, a program for browsers, adds once the user agreed.
    authorize_parameters={"g_continue": "yes"},
    cookies=[f"{cookie.name}={cookie.value}" for cookie in cookies],
)
